-- A view by a column of one value a call, by week where it is kept so: calls, missed ones, answered ones.
SELECT week, value AS of, [toInt64(calls), toInt64(missed_calls), toInt64(answered_calls)] AS sums
FROM
(
    SELECT
        %week% AS week, toNullable(%group%) AS value, count() AS calls, countIf(missed) AS missed_calls,
        countIf(answered = 'answered') AS answered_calls
    FROM calls_by_time FINAL
    WHERE %calls in scope% AND NOT is_gone AND %where%
    GROUP BY week, value
)
ORDER BY calls DESC, of
LIMIT {limit:UInt64}
