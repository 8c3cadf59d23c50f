-- Written by the insert itself. From where a follow-up stood before, whoever writes it takes it away first.
CREATE MATERIALIZED VIEW IF NOT EXISTS follow_ups_by_time_told TO follow_ups_by_time AS
SELECT
    tenant, toInt64(floor(toUnixTimestamp64Milli(opened_at) / 900000)) AS quarter, follow_up_id, version, false AS is_gone,
    customer, opening_call, calls, calls_at, opened_at, last_at, closed_at, status, owner, due_at, settled_by_call, settled_by,
    our_attempts, customer_calls, time_to_return_s, priority, why, dealt_by, dealt_until
FROM follow_ups
WHERE merged_into IS NULL
