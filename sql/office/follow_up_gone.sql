update follow_ups set merged_into = $1, version = $2 where tenant = $3 and name = $4
