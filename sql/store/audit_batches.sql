-- Batches whose rows, or whose account of rows, are not what they promise. Batches that overlap are taken as one. Of a partition whose
-- register is known only those below its position: others may have come while the tables were read.
WITH
    kept AS
    (
        SELECT epoch, topic, partition, first, next, {table:Identifier} AS promised
        FROM batches FINAL
        WHERE (indexOf({places:Array(String)}, topic || '/' || toString(partition)) AS n) = 0 OR next <= {below:Array(UInt64)}[n]
    ),
    begun AS
    (
        SELECT *, first >= max(next) OVER (PARTITION BY topic, partition, epoch ORDER BY first, next ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS is_new
        FROM kept
    ),
    numbered AS (SELECT *, sum(is_new) OVER (PARTITION BY topic, partition, epoch ORDER BY first, next ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS nth FROM begun),
    ranges AS
    (
        SELECT topic, partition, epoch, min(numbered.first) AS first, max(numbered.next) AS next, sum(numbered.promised) AS promised, count() > 1 AS is_overlapped
        FROM numbered
        GROUP BY topic, partition, epoch, nth
    ),
    every AS
    (
        SELECT b.topic AS topic, b.partition AS partition, b.epoch AS epoch, b.first AS first, count() AS rows
        FROM {table:Identifier} AS f
        ASOF INNER JOIN ranges AS b ON f.topic = b.topic AND f.partition = b.partition AND f.epoch = b.epoch AND f.position >= b.first
        WHERE f.position < b.next
        GROUP BY topic, partition, epoch, first
    ),
    different AS
    (
        SELECT b.topic AS topic, b.partition AS partition, b.epoch AS epoch, b.first AS first, count() AS rows
        FROM {table:Identifier} AS f FINAL
        ASOF INNER JOIN ranges AS b ON f.topic = b.topic AND f.partition = b.partition AND f.epoch = b.epoch AND f.position >= b.first
        WHERE f.position < b.next
        GROUP BY topic, partition, epoch, first
    ),
    accounted AS
    (
        SELECT b.topic AS topic, b.partition AS partition, b.epoch AS epoch, b.first AS first, sum(l.rows) AS rows
        FROM ledger AS l
        ASOF INNER JOIN ranges AS b ON l.topic = b.topic AND l.partition = b.partition AND l.epoch = b.epoch AND l.first >= b.first
        WHERE l.last < b.next AND l.of = {table:String}
        GROUP BY topic, partition, epoch, first
    )
SELECT
    r.topic AS topic, r.partition AS partition, r.epoch AS epoch, r.first AS first, r.next AS next, CAST(r.is_overlapped, 'Bool') AS is_overlapped,
    r.promised AS promised, e.rows AS rows, d.rows AS different, a.rows AS accounted
FROM ranges AS r
LEFT JOIN every AS e ON r.topic = e.topic AND r.partition = e.partition AND r.epoch = e.epoch AND r.first = e.first
LEFT JOIN different AS d ON r.topic = d.topic AND r.partition = d.partition AND r.epoch = d.epoch AND r.first = d.first
LEFT JOIN accounted AS a ON r.topic = a.topic AND r.partition = a.partition AND r.epoch = a.epoch AND r.first = a.first
WHERE r.promised != e.rows OR r.promised != d.rows OR r.promised != a.rows
ORDER BY r.topic, r.partition, r.epoch, r.first
SETTINGS join_use_nulls = 0
