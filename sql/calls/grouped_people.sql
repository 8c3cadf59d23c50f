-- A view by people: each call counts once for each of them, missed where this very person missed it, answered where they took it.
-- The function and not the clause ARRAY JOIN: that one copies every value by itself.
SELECT
    nullIf(toString(one), '') AS value, count() AS calls,
    countIf(if(one = '', missed, %is_missed%)) AS missed_calls,
    countIf(if(one = '', answered = 'answered', %is_taken%)) AS answered_calls
FROM
(
    SELECT arrayJoin(if(empty(%group%), [''], %group%)) AS one, missed, answered, missed_by, taken_by
    FROM calls_by_time FINAL
    WHERE %calls in scope% AND NOT is_gone AND %where%
)
GROUP BY value
ORDER BY calls DESC, value
LIMIT {limit:UInt64}
