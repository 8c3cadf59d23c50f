select
    action_key, tenant, kind, asked_by, event_id, follow_up, customer, body, status, reason, due_at, expires_at, asked_at,
    attempts, call_id
from actions
where action_key = $1
