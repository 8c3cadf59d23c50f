-- What is owed after each of these calls, under the keys of a call's line.
SELECT
    call_id,
    follow_up_id AS id, status, owner, due_at, settled_by_call, settled_by, our_attempts, customer_calls, time_to_return_s
FROM
(
    SELECT *, arrayJoin(calls) AS call_id
    FROM follow_ups FINAL
    WHERE tenant = {tenant:String} AND merged_into IS NULL
        AND follow_up_id IN (SELECT follow_up_id FROM follow_ups_by_call WHERE tenant = {tenant:String} AND call_id IN {ids:Array(String)})
)
WHERE call_id IN {ids:Array(String)} AND call_id IN
(
    SELECT call_id FROM calls_by_time FINAL
    WHERE %calls in scope% AND NOT is_gone AND (quarter, call_id) IN arrayZip({quarters:Array(Int64)}, {ids:Array(String)})
)
ORDER BY version DESC
LIMIT 1 BY call_id
