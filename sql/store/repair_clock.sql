-- The log's clock at a position, in milliseconds since 1970: that of the last batch below it, and where nothing is stored behind it, that
-- of the last verdict, since time alone concludes too.
WITH
    batched AS (SELECT max(if(next <= {below:UInt64}, sealed_at, toDateTime64(0, 3, 'UTC'))) AS sealed_at, max(next) AS reached FROM batches WHERE topic = {topic:String} AND partition = {partition:UInt32}),
    decided AS
    (
        SELECT max(decided_at) AS decided_at
        FROM verdicts
        WHERE tenant IN (SELECT DISTINCT tenant FROM legs WHERE topic = {topic:String} AND partition = {partition:UInt32})
    )
SELECT toUnixTimestamp64Milli(greatest(b.sealed_at, if(b.reached <= {below:UInt64}, d.decided_at, toDateTime64(0, 3, 'UTC'))))
FROM batched AS b
CROSS JOIN decided AS d
