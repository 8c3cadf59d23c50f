-- Legs over one trunk of an exchange that began in a span of time.
SELECT {columns}
FROM
(
    SELECT *
    FROM legs
    WHERE tenant = {tenant:String} AND pbx = {pbx:String} AND (from_trunk = {trunk:String} OR to_trunk = {trunk:String})
        AND started_at >= fromUnixTimestamp64Milli({from:Int64}, 'UTC') AND started_at <= fromUnixTimestamp64Milli({to:Int64}, 'UTC')
)
ORDER BY started_at, leg_id
