-- Of one partition's last epoch: up to where its batches follow each other, what the ledger knows of, and the end of its last batch.
-- No row where nothing of the partition is stored.
WITH
    known AS
    (
        SELECT epoch, first, next, true AS is_batch FROM batches WHERE topic = {topic:String} AND partition = {partition:UInt32}
        UNION ALL
        SELECT epoch, first, last + 1 AS next, false AS is_batch FROM ledger WHERE topic = {topic:String} AND partition = {partition:UInt32}
    ),
    kept AS (SELECT * FROM known WHERE epoch = (SELECT max(epoch) FROM known)),
    ordered AS
    (
        SELECT
            epoch, first, next, is_batch,
            max(if(is_batch, next, 0)) OVER (ORDER BY NOT is_batch, first, next ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS covered,
            row_number() OVER (ORDER BY NOT is_batch, first, next) AS nth
        FROM kept
    ),
    chained AS (SELECT *, sum(is_batch AND nth > 1 AND first > covered) OVER (ORDER BY NOT is_batch, first, next ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS holes FROM ordered)
SELECT
    max(epoch),
    maxIf(next, is_batch AND holes = 0) AS contiguous,
    maxIf(next, NOT is_batch) AS stored,
    maxIf(next, is_batch) AS ended
FROM chained
HAVING count() > 0
