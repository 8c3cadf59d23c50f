-- The same key asked again stays as it was first written; what was only noted becomes real when it is asked by a plugin that is live.
insert into actions (
    action_key, tenant, kind, asked_by, event_id, follow_up, customer, body, status, reason, due_at, expires_at, asked_at,
    attempts, call_id
)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, 0, null)
on conflict (action_key) do update set
    asked_by = excluded.asked_by,
    event_id = excluded.event_id,
    follow_up = excluded.follow_up,
    customer = excluded.customer,
    body = excluded.body,
    status = excluded.status,
    reason = excluded.reason,
    due_at = excluded.due_at,
    expires_at = excluded.expires_at,
    asked_at = excluded.asked_at
where actions.status = 'dry' and excluded.status <> 'dry'
returning action_key
