-- A view by people, by week where it is kept so: calls, missed ones, answered ones. Each call counts once for each of them, missed where
-- this very person missed it, answered where they took it.
-- The function and not the clause ARRAY JOIN: that one copies every value by itself.
SELECT week, nullIf(toString(one), '') AS of, [toInt64(calls), toInt64(missed_calls), toInt64(answered_calls)] AS sums
FROM
(
    SELECT
        week, one, count() AS calls, countIf(if(one = '', missed, %is_missed%)) AS missed_calls,
        countIf(if(one = '', answered = 'answered', %is_taken%)) AS answered_calls
    FROM
    (
        SELECT %week% AS week, arrayJoin(if(empty(%group%), [''], %group%)) AS one, missed, answered, missed_by, taken_by
        FROM calls_by_time FINAL
        WHERE %calls in scope% AND NOT is_gone AND %where%
    )
    GROUP BY week, one
)
ORDER BY calls DESC, of
LIMIT {limit:UInt64}
