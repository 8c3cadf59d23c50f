-- The stays of one call in queues and hunt groups, in order.
SELECT position, kind, queue, `group`, entered_at, left_at, `end`
FROM visits FINAL
WHERE tenant = {tenant:String} AND call_id = {id:String} AND (call_id, version) IN
(
    SELECT call_id, version FROM calls_by_time FINAL
    WHERE %calls in scope% AND NOT is_gone AND quarter = {quarter:Int64} AND call_id = {id:String}
)
ORDER BY position
LIMIT {limit:UInt64}
