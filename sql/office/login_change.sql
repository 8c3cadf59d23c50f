update logins set
    role = $1, person = $2, given_groups = $3, is_disabled = $4, version = version + 1, changed_at = $5, changed_by = $6
where login = $7 and version = $8
