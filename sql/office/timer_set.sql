insert into timers (plugin, tenant, name, timer_key, due_at, payload) values ($1, $2, $3, $4, $5, $6)
on conflict (plugin, tenant, name) do update set
    timer_key = excluded.timer_key,
    due_at = excluded.due_at,
    payload = excluded.payload
