select count(*) from saved_views where tenant = $1 and login = $2
