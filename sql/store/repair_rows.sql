-- Rows of facts of one epoch of a partition from a position on, as often as each is there.
SELECT sumIf(n, of = 'legs'), sumIf(n, of = 'marks'), sumIf(n, of = 'rejects'), sumIf(n, of = 'batches')
FROM
(
    SELECT 'legs' AS of, count() AS n FROM legs WHERE topic = {topic:String} AND partition = {partition:UInt32} AND epoch = {epoch:UInt8} AND position >= {from:UInt64}
    UNION ALL
    SELECT 'marks' AS of, count() AS n FROM marks WHERE topic = {topic:String} AND partition = {partition:UInt32} AND epoch = {epoch:UInt8} AND position >= {from:UInt64}
    UNION ALL
    SELECT 'rejects' AS of, count() AS n FROM rejects WHERE topic = {topic:String} AND partition = {partition:UInt32} AND epoch = {epoch:UInt8} AND position >= {from:UInt64}
    UNION ALL
    SELECT 'batches' AS of, count() AS n FROM batches WHERE topic = {topic:String} AND partition = {partition:UInt32} AND epoch = {epoch:UInt8} AND first >= {from:UInt64}
)
