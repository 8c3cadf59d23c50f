delete from outcomes where plugin = $1 and tenant = $2 and status = $3 and seq <= $4
