-- How long it took to return what the missed calls of a view opened, or how long it was not returned, and by week of these calls where it
-- is kept so. The words: `returned` and `closed`, which are told in seconds, and `open`, which is told by the millisecond at which it was
-- opened. Not sums but a list: each such number, and behind it, if several follow-ups have it, how many, below zero.
SELECT week, toNullable(kind) AS of, arrayFlatten(groupArray(if(follow_ups = 1, [number], [number, -follow_ups]))) AS sums
FROM
(
    SELECT week, kind, number, toInt64(count()) AS follow_ups
    FROM
    (
        SELECT
            toInt64(floor(toUnixTimestamp64Milli(calls_at[1]) / 900000)) AS call_quarter,
            if(call_quarter >= {kept_from:Int64} AND call_quarter < {kept_to:Int64}, intDiv(call_quarter, 672), 0) AS week,
            multiIf(status IN ('returned_by_us', 'reached_us') AND time_to_return_s IS NOT NULL, 'returned', closed_at IS NULL, 'open', 'closed') AS kind,
            greatest(0, multiIf(
                kind = 'returned', toInt64(floor(assumeNotNull(time_to_return_s))),
                kind = 'open', toUnixTimestamp64Milli(opened_at),
                intDiv(toUnixTimestamp64Milli(assumeNotNull(closed_at)) - toUnixTimestamp64Milli(opened_at), 1000))) AS number
        FROM follow_ups_by_time FINAL
        WHERE tenant = {tenant:String} AND NOT is_gone AND %owed asked% AND opening_call IN
            (SELECT call_id FROM calls_by_time FINAL WHERE %calls in scope% AND NOT is_gone AND %where%)
    )
    GROUP BY week, kind, number
)
GROUP BY week, kind
