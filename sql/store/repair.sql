-- Of one partition: its last epoch, up to where that epoch's batches follow each other, and the highest position of which anything is stored.
WITH
    (
        SELECT max(epoch)
        FROM (SELECT epoch FROM batches WHERE topic = {topic:String} AND partition = {partition:UInt32} UNION ALL SELECT epoch FROM ledger WHERE topic = {topic:String} AND partition = {partition:UInt32})
    ) AS last_epoch,
    kept AS
    (
        SELECT first, next, max(next) OVER (ORDER BY first, next ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS covered, row_number() OVER (ORDER BY first, next) AS nth
        FROM batches FINAL
        WHERE topic = {topic:String} AND partition = {partition:UInt32} AND epoch = last_epoch
    ),
    (SELECT min(first) FROM kept WHERE nth > 1 AND first > covered) AS after_hole,
    (SELECT count() FROM kept WHERE nth > 1 AND first > covered) AS holes
SELECT
    last_epoch,
    (SELECT max(next) FROM kept WHERE holes = 0 OR first < after_hole) AS next,
    (SELECT max(last) + 1 FROM ledger WHERE topic = {topic:String} AND partition = {partition:UInt32} AND epoch = last_epoch) AS stored,
    (SELECT count() FROM batches WHERE topic = {topic:String} AND partition = {partition:UInt32}) + (SELECT count() FROM ledger WHERE topic = {topic:String} AND partition = {partition:UInt32}) AS anything
