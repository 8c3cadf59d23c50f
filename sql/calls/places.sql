-- Where these calls stand.
SELECT quarter, call_id
FROM calls_by_time FINAL
WHERE %calls in scope% AND NOT is_gone
    AND (quarter, call_id) IN (SELECT quarter, call_id FROM call_places WHERE tenant = {tenant:String} AND call_id IN {ids:Array(String)})
