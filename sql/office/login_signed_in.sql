update logins set signed_in_at = $1 where login = $2
