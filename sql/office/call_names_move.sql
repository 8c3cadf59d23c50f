update call_names set root = $1 where tenant = $2 and root = $3
