insert into messages (tenant, seq, person, message_text, written_at, read_at, action_key)
values ($1, $2, $3, $4, $5, null, $6)
on conflict (tenant, action_key, person) do nothing
returning seq
