-- The bytes of one call's records where they are stored: of those a part of which was not understood.
SELECT pbx, adapter, file, record, byte, reason, base64Encode(bytes) AS bytes_base64, bytes_total
FROM rejects FINAL
WHERE tenant = {tenant:String} AND (topic, partition, epoch, position) IN
(
    SELECT topic, partition, epoch, position FROM legs_now
    WHERE tenant = {tenant:String} AND hasAny(keys, (SELECT arrayFlatten(groupArray(keys)) FROM calls FINAL WHERE tenant = {tenant:String} AND call_id IN
    (
        SELECT call_id FROM calls_by_time FINAL
        WHERE %calls in scope% AND NOT is_gone AND call_id = {id:String}
            AND quarter IN (SELECT quarter FROM call_places WHERE tenant = {tenant:String} AND call_id = {id:String})
    )))
)
ORDER BY rejects.logged_at, position, part
LIMIT {limit:UInt64}
