select count(*) from saved_views where tenant = $1 and is_shared = 1
