-- The follow-ups that were concluded before they stood in the order of time.
INSERT INTO follow_ups_by_time
(
    tenant, quarter, follow_up_id, version, is_gone, customer, opening_call, calls, calls_at, opened_at, last_at, closed_at, status, owner,
    due_at, settled_by_call, settled_by, our_attempts, customer_calls, time_to_return_s, priority, why, dealt_by, dealt_until
)
SELECT
    tenant, toInt64(floor(toUnixTimestamp64Milli(opened_at) / 900000)), follow_up_id, version, false, customer, opening_call, calls,
    calls_at, opened_at, last_at, closed_at, status, owner, due_at, settled_by_call, settled_by, our_attempts, customer_calls,
    time_to_return_s, priority, why, dealt_by, dealt_until
FROM follow_ups FINAL
WHERE merged_into IS NULL
SETTINGS max_partitions_per_insert_block = 0
