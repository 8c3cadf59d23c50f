-- What is still to be done, the most urgent first: one row a customer, however often they called.
SELECT
    follow_up_id AS id, customer, opening_call, calls, opened_at, last_at, status, owner, due_at, our_attempts, customer_calls, priority, why,
    dealt_by, dealt_until
FROM follow_ups_by_time FINAL
WHERE %follow_ups in scope% AND NOT is_gone AND %owed asked% AND %after%
ORDER BY priority DESC, opened_at, follow_up_id
LIMIT {limit:UInt64}
