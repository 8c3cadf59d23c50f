-- Calls whose verdicts are not final, by exchange, and when the oldest of them began.
SELECT toString(pbx) AS pbx, count() AS calls, toUnixTimestamp64Milli(min(started_at)) AS oldest_at
FROM calls_by_time FINAL
WHERE %calls in scope% AND NOT is_gone AND NOT is_final
GROUP BY pbx
ORDER BY pbx
LIMIT {limit:UInt64}
