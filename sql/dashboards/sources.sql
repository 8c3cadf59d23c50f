-- What each exchange told, through each adapter: when last, how much lately, and how much of it was not understood.
SELECT
    pbx, adapter, toUnixTimestamp64Milli(max(last_at)), sum(hour) AS legs_last_hour, sum(day) AS legs_last_day, sum(week) AS legs_last_week,
    sum(rejects) AS rejects_last_week
FROM
(
    SELECT
        toString(pbx) AS pbx, toString(adapter) AS adapter, max(logged_at) AS last_at,
        countIf(logged_at >= fromUnixTimestamp64Milli({now:Int64} - 3600000, 'UTC')) AS hour,
        countIf(logged_at >= fromUnixTimestamp64Milli({now:Int64} - 86400000, 'UTC')) AS day,
        countIf(logged_at >= fromUnixTimestamp64Milli({now:Int64} - 604800000, 'UTC')) AS week, 0 AS rejects
    FROM legs FINAL
    WHERE %facts in scope%
    GROUP BY pbx, adapter
    UNION ALL
    SELECT
        toString(pbx), toString(adapter), max(logged_at), 0, 0, 0,
        countIf(logged_at >= fromUnixTimestamp64Milli({now:Int64} - 604800000, 'UTC'))
    FROM rejects FINAL
    WHERE %facts in scope%
    GROUP BY pbx, adapter
)
GROUP BY pbx, adapter
ORDER BY pbx, adapter
LIMIT {limit:UInt64}
