create index sign_in_failures_by_moment on sign_in_failures (failed_at)
