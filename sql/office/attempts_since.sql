select count(*), min(started_at) from attempts where tenant = $1 and kind = $2 and started_at > $3
