-- What one partition stored before a position of an epoch, in the order of the log. Everything of an earlier epoch is before it.
SELECT {columns}
FROM
(
    SELECT *
    FROM legs
    WHERE topic = {topic:String} AND partition = {partition:UInt32} AND (epoch < {epoch:UInt8} OR epoch = {epoch:UInt8} AND position < {before:UInt64})
        AND logged_at >= fromUnixTimestamp64Milli({since:Int64}, 'UTC') AND (tenant = {tenant:String} OR {of_all:Bool})
)
ORDER BY epoch, position, part
