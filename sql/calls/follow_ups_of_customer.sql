-- Everything that was ever owed to one customer, the latest first.
SELECT
    follow_up_id AS id, customer, opening_call, calls, opened_at, last_at, closed_at, status, owner, due_at, settled_by_call, settled_by,
    our_attempts, customer_calls, time_to_return_s, priority, why, dealt_by, dealt_until
FROM follow_ups_by_time FINAL
WHERE %follow_ups in scope% AND NOT is_gone AND %owed asked%
ORDER BY opened_at DESC, follow_up_id DESC
LIMIT {limit:UInt64}
