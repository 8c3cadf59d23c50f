create index actions_by_status on actions (status, kind, due_at)
