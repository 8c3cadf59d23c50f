delete from tokens where login = $1
