-- What batches say was stored of each partition.
SELECT topic, partition, sum(records) AS records, sum(legs) AS legs, sum(marks) AS marks, sum(rejects) AS rejects
FROM batches FINAL
GROUP BY topic, partition
ORDER BY topic, partition
