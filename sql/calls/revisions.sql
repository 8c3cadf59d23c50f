-- How many different verdicts each of these calls has had.
SELECT call_id, toUInt32(uniqExact((outcome, missed, reason, rule, is_final)))
FROM verdicts FINAL
WHERE tenant = {tenant:String} AND call_id IN {ids:Array(String)} AND call_id IN
(
    SELECT call_id FROM calls_by_time FINAL
    WHERE %calls in scope% AND NOT is_gone AND (quarter, call_id) IN arrayZip({quarters:Array(Int64)}, {ids:Array(String)})
)
GROUP BY call_id
