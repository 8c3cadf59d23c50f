-- How much was ever inserted into what pages show: it grows with each insert, and merges leave it alone.
SELECT toUInt64(sum(inserted))
FROM
(
    SELECT max(max_block_number) AS inserted
    FROM system.parts
    WHERE active AND database = currentDatabase() AND table IN ('calls', 'follow_ups', 'marks', 'rejects')
    GROUP BY table
)
