delete from tokens where token_id = $1 and login = $2
