-- What became of the missed calls of a view: each of them is owed in one state, or in none yet.
SELECT state, count() AS calls, uniqExact(owed) AS follow_ups
FROM
(
    SELECT arrayJoin(calls) AS id, argMax(status, version) AS state, argMax(follow_up_id, version) AS owed
    FROM follow_ups_by_time FINAL
    WHERE tenant = {tenant:String} AND NOT is_gone AND %owed asked%
    GROUP BY id
)
WHERE id IN (SELECT call_id FROM calls_by_time FINAL WHERE %calls in scope% AND NOT is_gone AND missed AND %where%)
GROUP BY state
