-- Every verdict that one call has had, the first one first.
SELECT version, outcome, missed, reason, rule, is_final, decided_at
FROM verdicts FINAL
WHERE tenant = {tenant:String} AND call_id = {id:String} AND call_id IN
(
    SELECT call_id FROM calls_by_time FINAL
    WHERE %calls in scope% AND NOT is_gone AND quarter = {quarter:Int64} AND call_id = {id:String}
)
ORDER BY verdicts.version
LIMIT {limit:UInt64}
