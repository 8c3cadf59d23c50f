-- Legs of a company that reached the log in a span of time, in that order.
SELECT {columns}
FROM
(
    SELECT *
    FROM legs
    WHERE tenant = {tenant:String}
        AND logged_at >= fromUnixTimestamp64Milli({from:Int64}, 'UTC') AND logged_at <= fromUnixTimestamp64Milli({to:Int64}, 'UTC')
)
ORDER BY logged_at, topic, partition, epoch, position, part
