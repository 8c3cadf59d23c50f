create index saved_views_by_sharing on saved_views (tenant, is_shared, page)
