select count(*) from messages where tenant = $1 and person = $2 and read_at is null
