update plugins set state = $1, changed_at = $2, changed_by = $3, note = $4 where name = $5
