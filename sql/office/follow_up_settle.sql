update follow_ups set settled_at = $1, settled_by = $2, settled_why = $3
where tenant = $4 and name = $5 and settled_at is null
