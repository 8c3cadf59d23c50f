create unique index events_by_id on events (tenant, event_id)
