select count(*) from logins where tenant = $1 and role = 'administrator' and is_disabled = 0 and login <> $2
