create index sign_in_failures_by_whom on sign_in_failures (of_whom, failed_at)
