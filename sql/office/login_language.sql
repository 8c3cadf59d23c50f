update logins set language = $1 where login = $2
