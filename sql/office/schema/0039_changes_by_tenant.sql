create index changes_by_tenant on changes (tenant, seq)
