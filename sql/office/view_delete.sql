delete from saved_views where tenant = $1 and view_id = $2 and version = $3
