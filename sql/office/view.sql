select view_id, login, page, name, query_text, is_shared, version, created_at, changed_at, changed_by from saved_views
where tenant = $1 and view_id = $2
