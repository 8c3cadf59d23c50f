-- A view by a column of one value a call.
SELECT toNullable(%group%) AS value, count() AS calls, countIf(missed) AS missed_calls, countIf(answered = 'answered') AS answered_calls
FROM calls_by_time FINAL
WHERE %calls in scope% AND NOT is_gone AND %where%
GROUP BY value
ORDER BY calls DESC, value
LIMIT {limit:UInt64}
