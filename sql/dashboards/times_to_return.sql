-- How long it took to return what the missed calls of a view opened, to the second; or how long it was not returned.
SELECT is_returned, seconds, count() AS follow_ups
FROM
(
    SELECT
        toBool(status IN ('returned_by_us', 'reached_us') AND time_to_return_s IS NOT NULL) AS is_returned,
        greatest(0, if(is_returned, toInt64(floor(assumeNotNull(time_to_return_s))), intDiv(toUnixTimestamp64Milli(ifNull(closed_at, fromUnixTimestamp64Milli({now:Int64}, 'UTC'))) - toUnixTimestamp64Milli(opened_at), 1000))) AS seconds
    FROM follow_ups_by_time FINAL
    WHERE tenant = {tenant:String} AND NOT is_gone AND %owed asked% AND opening_call IN
        (SELECT call_id FROM calls_by_time FINAL WHERE %calls in scope% AND NOT is_gone AND %where%)
)
GROUP BY is_returned, seconds
ORDER BY seconds, is_returned DESC
