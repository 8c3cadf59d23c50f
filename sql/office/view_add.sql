insert into saved_views (
    tenant, view_id, login, page, name, query_text, is_shared, version, created_at, changed_at, changed_by
)
values ($1, $2, $3, $4, $5, $6, $7, 1, $8, $8, $3)
