select
    name, id, customer, opened_at, closed_at, last_at, status, owner, due_at, our_attempts, customer_calls,
    version, merged_into, settled_at, settled_by, settled_why
from follow_ups
where tenant = $1 and name = $2
