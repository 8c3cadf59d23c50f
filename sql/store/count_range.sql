-- What the tables of facts have of one range of the log; a row that is there twice counts once.
SELECT sumIf(n, of = 'legs'), sumIf(n, of = 'marks'), sumIf(n, of = 'rejects'), sumIf(n, of = 'batches')
FROM
(
    SELECT 'legs' AS of, uniqExact(position, part) AS n FROM legs WHERE topic = {topic:String} AND partition = {partition:UInt32} AND epoch = {epoch:UInt8} AND position >= {first:UInt64} AND position < {next:UInt64}
    UNION ALL
    SELECT 'marks' AS of, uniqExact(position, part) AS n FROM marks WHERE topic = {topic:String} AND partition = {partition:UInt32} AND epoch = {epoch:UInt8} AND position >= {first:UInt64} AND position < {next:UInt64}
    UNION ALL
    SELECT 'rejects' AS of, uniqExact(position, part) AS n FROM rejects WHERE topic = {topic:String} AND partition = {partition:UInt32} AND epoch = {epoch:UInt8} AND position >= {first:UInt64} AND position < {next:UInt64}
    UNION ALL
    SELECT 'batches' AS of, uniqExact(first) AS n FROM batches WHERE topic = {topic:String} AND partition = {partition:UInt32} AND epoch = {epoch:UInt8} AND first = {first:UInt64} AND next = {next:UInt64}
)
