-- What was done for a call, or for the follow-up that it is in.
SELECT delivery_id, action_key, kind, status, at, asked_by, follow_up_id, customer, call_id, detail
FROM deliveries_now
WHERE %deliveries in scope% AND (call_id = {id:String} OR follow_up_id IN
    (SELECT follow_up_id FROM follow_ups_by_time FINAL WHERE tenant = {tenant:String} AND NOT is_gone AND has(calls, {id:String}) AND %owed asked%))
ORDER BY at, delivery_id
LIMIT {limit:UInt64}
