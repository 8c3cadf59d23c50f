create unique index messages_once on messages (tenant, action_key, person)
