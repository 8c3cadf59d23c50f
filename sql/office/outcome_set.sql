insert into outcomes (plugin, tenant, event_id, seq, status, attempts, due_at, detail, handled_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
on conflict (plugin, tenant, event_id) do update set
    status = excluded.status,
    attempts = excluded.attempts,
    due_at = excluded.due_at,
    detail = excluded.detail,
    handled_at = excluded.handled_at
