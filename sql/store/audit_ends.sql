-- From where the batches of each partition begin, and up to where those of its last epoch reach.
SELECT topic, partition, max(epoch) AS last_epoch, min(begun) AS begun, argMax(reached, epoch) AS reached
FROM (SELECT topic, partition, epoch, min(first) AS begun, max(next) AS reached FROM batches GROUP BY topic, partition, epoch)
GROUP BY topic, partition
