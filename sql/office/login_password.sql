update logins set password_hash = $1, version = version + 1, changed_at = $2, changed_by = $3
where login = $4
