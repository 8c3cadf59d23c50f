create index timers_by_moment on timers (due_at)
