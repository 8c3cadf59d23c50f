select status, count(*) from outcomes where plugin = $1 and tenant = $2 group by status order by status
