select view_id, login, page, name, query_text, is_shared, version, created_at, changed_at, changed_by from saved_views
where tenant = $1 and page = $2 and login = $3
union
select view_id, login, page, name, query_text, is_shared, version, created_at, changed_at, changed_by from saved_views
where tenant = $1 and page = $2 and is_shared = 1
order by name, view_id
