-- A view by a column of several values a call, by week where it is kept so: calls, missed ones, answered ones. A call counts once for each
-- of its values, so that the sum of the rows is no total.
-- The function and not the clause ARRAY JOIN: that one copies every value by itself.
SELECT week, nullIf(toString(one), '') AS of, [toInt64(calls), toInt64(missed_calls), toInt64(answered_calls)] AS sums
FROM
(
    SELECT week, one, count() AS calls, countIf(missed) AS missed_calls, countIf(answered = 'answered') AS answered_calls
    FROM
    (
        SELECT %week% AS week, arrayJoin(if(empty(%group%), [''], %group%)) AS one, missed, answered
        FROM calls_by_time FINAL
        WHERE %calls in scope% AND NOT is_gone AND %where%
    )
    GROUP BY week, one
)
ORDER BY calls DESC, of
LIMIT {limit:UInt64}
