select id from call_names where tenant = $1 and root = $2 limit 1
