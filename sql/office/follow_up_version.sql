select id, version from follow_ups where tenant = $1 and name = $2
