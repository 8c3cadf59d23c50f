create index attempts_by_moment on attempts (tenant, kind, started_at)
