select count(*) from timers
