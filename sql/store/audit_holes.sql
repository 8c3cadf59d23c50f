-- Positions between two batches that stand in none, and positions that stand in two. A later epoch may begin anywhere below the end of
-- those before it, and not above it.
SELECT topic, partition, epoch, covered, first, next
FROM
(
    SELECT
        topic, partition, epoch, first, next,
        max(next) OVER (PARTITION BY topic, partition, epoch ORDER BY first, next ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS covered_in_epoch,
        max(next) OVER (PARTITION BY topic, partition ORDER BY epoch, first, next ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS covered_before,
        row_number() OVER (PARTITION BY topic, partition, epoch ORDER BY first, next) AS nth,
        row_number() OVER (PARTITION BY topic, partition ORDER BY epoch, first, next) AS nth_of_all,
        if(nth > 1, covered_in_epoch, covered_before) AS covered
    FROM batches FINAL
)
WHERE nth > 1 AND covered != first OR nth = 1 AND nth_of_all > 1 AND covered < first
ORDER BY topic, partition, epoch, first
