delete from timers where plugin = $1 and tenant = $2 and timer_key = $3
