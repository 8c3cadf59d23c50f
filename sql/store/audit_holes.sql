-- Positions between two batches that stand in none, and positions that stand in two.
SELECT topic, partition, epoch, covered, first, next
FROM
(
    SELECT
        topic, partition, epoch, first, next,
        max(next) OVER (PARTITION BY topic, partition, epoch ORDER BY first, next ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS covered,
        row_number() OVER (PARTITION BY topic, partition, epoch ORDER BY first, next) AS nth
    FROM batches FINAL
)
WHERE nth > 1 AND covered != first
ORDER BY topic, partition, epoch, first
