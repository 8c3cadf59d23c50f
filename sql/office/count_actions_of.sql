select kind, status, count(*) from actions where asked_by = $1 and tenant = $2 group by kind, status order by kind, status
