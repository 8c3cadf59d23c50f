-- What is owed after each of these calls, under the keys of a call's line.
SELECT
    call_id,
    follow_up_id AS id, status, owner, due_at, settled_by_call, settled_by, our_attempts, customer_calls, time_to_return_s
FROM
(
    SELECT *, arrayJoin(calls) AS call_id
    FROM follow_ups_by_time FINAL
    WHERE tenant = {tenant:String} AND NOT is_gone AND %owed asked%
)
WHERE call_id IN {ids:Array(String)} AND call_id IN
(
    SELECT call_id FROM calls_by_time FINAL
    WHERE %calls in scope% AND NOT is_gone AND (quarter, call_id) IN arrayZip({quarters:Array(Int64)}, {ids:Array(String)})
)
ORDER BY version DESC
LIMIT 1 BY call_id
