update follow_ups set settled_at = null, settled_by = null, settled_why = null
where tenant = $1 and name = $2
