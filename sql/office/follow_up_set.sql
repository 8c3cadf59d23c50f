insert into follow_ups (
    tenant, name, id, customer, named_at, opened_at, closed_at, last_at, status, owner, due_at,
    our_attempts, customer_calls, version, merged_into
)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
on conflict (tenant, name) do update set
    id = excluded.id,
    customer = excluded.customer,
    opened_at = excluded.opened_at,
    closed_at = excluded.closed_at,
    last_at = excluded.last_at,
    status = excluded.status,
    owner = excluded.owner,
    due_at = excluded.due_at,
    our_attempts = excluded.our_attempts,
    customer_calls = excluded.customer_calls,
    version = excluded.version,
    merged_into = excluded.merged_into
