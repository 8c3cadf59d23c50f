delete from tokens where login = $1 and ends_at <= $2
