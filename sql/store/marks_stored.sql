-- What the engine's own records told that one partition stored before a position of an epoch, in the order of the log.
SELECT {columns}
FROM
(
    SELECT *
    FROM marks
    WHERE topic = {topic:String} AND partition = {partition:UInt32} AND (epoch < {epoch:UInt8} OR epoch = {epoch:UInt8} AND position < {before:UInt64})
        AND logged_at >= fromUnixTimestamp64Milli({since:Int64}, 'UTC') AND adapter = {adapter:String}
)
ORDER BY epoch, position, part
