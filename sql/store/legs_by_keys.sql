-- Legs of a company with one of these link keys. A leg that tells no moment may be of any time.
SELECT {columns}
FROM
(
    SELECT *
    FROM legs
    WHERE tenant = {tenant:String} AND hasAny(keys, {keys:Array(UInt64)})
        AND (started_at IS NULL OR started_at >= fromUnixTimestamp64Milli({from:Int64}, 'UTC') AND started_at <= fromUnixTimestamp64Milli({to:Int64}, 'UTC'))
)
ORDER BY topic, partition, epoch, position, part
