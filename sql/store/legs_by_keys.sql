-- Legs of a company with one of these link keys. A leg that tells no moment may be of any time.
-- hasAny compares every key of a row with every one asked for, a thousand of them: it only chooses granules here, by their index.
SELECT {columns}
FROM
(
    SELECT *
    FROM legs
    WHERE tenant = {tenant:String} AND indexHint(hasAny(keys, {keys:Array(UInt64)})) AND arrayExists(key -> has({keys:Array(UInt64)}, key), keys)
        AND (started_at IS NULL OR started_at >= fromUnixTimestamp64Milli({from:Int64}, 'UTC') AND started_at <= fromUnixTimestamp64Milli({to:Int64}, 'UTC'))
)
ORDER BY topic, partition, epoch, position, part
