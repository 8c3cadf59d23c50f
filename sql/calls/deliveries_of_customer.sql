-- What was done to reach one customer, the latest first.
SELECT delivery_id, action_key, kind, status, at, asked_by, follow_up_id, customer, call_id, detail
FROM deliveries_now
WHERE %deliveries in scope% AND customer = {customer:String}
ORDER BY at DESC, delivery_id DESC
LIMIT {limit:UInt64}
