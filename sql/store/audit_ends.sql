-- Up to where the batches of each partition's last epoch reach.
SELECT topic, partition, max(epoch) AS last_epoch, argMax(reached, epoch) AS reached
FROM (SELECT topic, partition, epoch, max(next) AS reached FROM batches GROUP BY topic, partition, epoch)
GROUP BY topic, partition
