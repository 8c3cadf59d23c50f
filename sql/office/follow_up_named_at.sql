update follow_ups set named_at = $1 where tenant = $2 and name = $3
