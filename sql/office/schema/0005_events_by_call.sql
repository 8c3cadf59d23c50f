create index events_by_call on events (tenant, call_id)
