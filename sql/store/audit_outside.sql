-- Rows, and accounts of rows, that stand in no batch: how many, and from where to where. Of a partition whose register is known only
-- what is below its position: the rest may be on its way.
WITH
    kept AS (SELECT epoch, topic, partition, first, max(next) AS next FROM batches GROUP BY epoch, topic, partition, first),
    rows_outside AS
    (
        SELECT f.topic AS topic, f.partition AS partition, f.epoch AS epoch, count() AS rows, min(f.position) AS lowest, max(f.position) AS highest
        FROM {table:Identifier} AS f
        ASOF LEFT JOIN kept AS b ON f.topic = b.topic AND f.partition = b.partition AND f.epoch = b.epoch AND f.position >= b.first
        WHERE f.position >= b.next AND ((indexOf({places:Array(String)}, f.topic || '/' || toString(f.partition)) AS n) = 0 OR f.position < {below:Array(UInt64)}[n])
        GROUP BY topic, partition, epoch
    ),
    accounts_outside AS
    (
        SELECT l.topic AS topic, l.partition AS partition, l.epoch AS epoch, sum(l.rows) AS rows, min(l.first) AS lowest, max(l.last) AS highest
        FROM ledger AS l
        ASOF LEFT JOIN kept AS b ON l.topic = b.topic AND l.partition = b.partition AND l.epoch = b.epoch AND l.first >= b.first
        WHERE l.last >= b.next AND l.of = {table:String}
            AND ((indexOf({places:Array(String)}, l.topic || '/' || toString(l.partition)) AS n) = 0 OR l.first < {below:Array(UInt64)}[n])
        GROUP BY topic, partition, epoch
    )
SELECT topic, partition, epoch, max(rows), min(lowest), max(highest)
FROM (SELECT * FROM rows_outside UNION ALL SELECT * FROM accounts_outside)
GROUP BY topic, partition, epoch
ORDER BY topic, partition, epoch
SETTINGS join_use_nulls = 0
