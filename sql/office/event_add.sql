insert into events (tenant, seq, event_id, kind, happened_at, told_at, body, follow_up, call_id, plugin)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
on conflict (tenant, event_id) do nothing
returning seq
