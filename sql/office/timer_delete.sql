delete from timers where plugin = $1 and tenant = $2 and name = $3
