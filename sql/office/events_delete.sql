delete from events where tenant = $1 and seq <= $2 and told_at < $3
