create index saved_views_by_login on saved_views (tenant, login, page)
