-- How many calls a view has, by week where it is kept so.
SELECT %week% AS week, CAST(NULL, 'Nullable(String)') AS of, [toInt64(count())] AS sums
FROM calls_by_time FINAL
WHERE %calls in scope% AND NOT is_gone AND %where%
GROUP BY week
