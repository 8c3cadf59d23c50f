-- Legs of a company that began in a span of time, in the order of their beginnings.
SELECT {columns}
FROM
(
    SELECT *
    FROM legs
    WHERE tenant = {tenant:String}
        AND started_at >= fromUnixTimestamp64Milli({from:Int64}, 'UTC') AND started_at <= fromUnixTimestamp64Milli({to:Int64}, 'UTC')
)
ORDER BY started_at, leg_id
