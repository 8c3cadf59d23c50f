-- One thing that is owed, if the viewer may see it.
SELECT
    follow_up_id AS id, customer, opening_call, opened_at, last_at, closed_at, status, owner, due_at, settled_by_call, settled_by,
    our_attempts, customer_calls, time_to_return_s, priority, why, dealt_by, dealt_until
FROM follow_ups FINAL
WHERE %follow_ups in scope% AND merged_into IS NULL AND follow_up_id = {id:String}
