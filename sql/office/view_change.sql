update saved_views set
    name = $1, query_text = $2, is_shared = $3, version = version + 1, changed_at = $4, changed_by = $5
where tenant = $6 and view_id = $7 and version = $8
