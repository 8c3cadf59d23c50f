-- What was done for one thing that is owed, in order: under its id of today, and under the name that it had first.
SELECT delivery_id, action_key, kind, status, at, asked_by, follow_up_id, customer, call_id, detail
FROM deliveries_now
WHERE tenant = {tenant:String} AND follow_up_id IN {names:Array(String)}
    AND {id:String} IN (SELECT follow_up_id FROM follow_ups FINAL WHERE %follow_ups in scope% AND merged_into IS NULL AND follow_up_id = {id:String})
ORDER BY at, delivery_id
LIMIT {limit:UInt64}
