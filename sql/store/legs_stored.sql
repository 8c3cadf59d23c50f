-- What one partition stored before a position of an epoch and since a moment, in the order of the log. Everything of an earlier epoch is
-- before it. Of a call whose records reached the log on both sides of that moment the earlier legs come too: a part of it would be judged
-- as if it were the whole.
SELECT {columns}
FROM
(
    SELECT *
    FROM legs
    WHERE topic = {topic:String} AND partition = {partition:UInt32} AND (epoch < {epoch:UInt8} OR epoch = {epoch:UInt8} AND position < {before:UInt64})
        AND (tenant = {tenant:String} OR {of_all:Bool})
        AND (logged_at >= fromUnixTimestamp64Milli({since:Int64}, 'UTC') OR logged_at >= fromUnixTimestamp64Milli({across_from:Int64}, 'UTC') AND leg_id IN
        (
            SELECT leg_id
            FROM legs
            ARRAY JOIN keys AS key
            WHERE topic = {topic:String} AND partition = {partition:UInt32}
                AND logged_at >= fromUnixTimestamp64Milli({across_from:Int64}, 'UTC') AND logged_at < fromUnixTimestamp64Milli({since:Int64}, 'UTC')
                AND key IN
                (
                    SELECT arrayJoin(keys)
                    FROM legs
                    WHERE topic = {topic:String} AND partition = {partition:UInt32}
                        AND logged_at >= fromUnixTimestamp64Milli({since:Int64}, 'UTC') AND logged_at < fromUnixTimestamp64Milli({across_to:Int64}, 'UTC')
                )
        ))
)
ORDER BY epoch, position, part
