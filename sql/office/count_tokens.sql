select count(*) from tokens where login = $1
