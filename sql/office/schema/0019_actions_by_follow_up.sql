create index actions_by_follow_up on actions (tenant, follow_up)
