update messages set read_at = $1 where tenant = $2 and person = $3 and seq <= $4 and read_at is null
