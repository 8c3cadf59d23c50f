-- Begun, and who began them was not heard of in time.
select
    a.action_key, a.tenant, a.kind, a.asked_by, a.event_id, a.follow_up, a.customer, a.body, a.status, a.reason, a.due_at, a.expires_at, a.asked_at,
    a.attempts, a.call_id
from actions a
join claims c on c.claim_key = a.action_key and c.kind in ('dial', 'action')
where a.status in ('claimed', 'dialed') and a.kind = $1 and c.until_at <= $2
order by c.until_at, a.action_key
limit $3
