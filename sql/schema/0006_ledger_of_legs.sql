-- Written by the insert itself: the same token drops it with the rows that it tells of.
CREATE MATERIALIZED VIEW IF NOT EXISTS ledger_of_legs TO ledger AS
SELECT 'legs' AS of, epoch, topic, partition, min(position) AS first, max(position) AS last, count() AS rows, uniqExact(position) AS positions
FROM legs
GROUP BY epoch, topic, partition
