-- The legs that one call was made of, with their records' own fields, as far as they are stored.
SELECT
    lower(hex(leg_id)) AS leg_id, pbx, adapter, file, record, byte, native_id, event, detail, from_kind, from_number, from_name, to_kind, to_number, to_name,
    stage, place, dialed, did, queue, started_at, rang_at, answered_at, ended_at, disposition, answerer, cause, ended_by, extra, logged_at
FROM legs_now
WHERE tenant = {tenant:String}
    AND hasAny(keys, (SELECT arrayFlatten(groupArray(keys)) FROM calls FINAL WHERE tenant = {tenant:String} AND call_id IN
    (
        SELECT call_id FROM calls_by_time FINAL
        WHERE %calls in scope% AND NOT is_gone AND quarter = {quarter:Int64} AND call_id = {id:String}
    )))
ORDER BY started_at, logged_at, position, part
LIMIT {limit:UInt64}
