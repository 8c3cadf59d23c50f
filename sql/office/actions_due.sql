select
    action_key, tenant, kind, asked_by, event_id, follow_up, customer, body, status, reason, due_at, expires_at, asked_at,
    attempts, call_id
from actions
where status = 'due' and kind = $1 and due_at <= $2
order by due_at, action_key
limit $3
