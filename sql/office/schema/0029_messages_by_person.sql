create index messages_by_person on messages (tenant, person, seq)
