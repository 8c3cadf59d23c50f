create index actions_by_asker on actions (asked_by, tenant, kind, status)
