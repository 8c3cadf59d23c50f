-- A view by a column of several values a call: a call counts once for each of them, so that the sum of the rows is no total.
-- The function and not the clause ARRAY JOIN: that one copies every value by itself.
SELECT nullIf(toString(one), '') AS value, count() AS calls, countIf(missed) AS missed_calls, countIf(answered = 'answered') AS answered_calls
FROM
(
    SELECT arrayJoin(if(empty(%group%), [''], %group%)) AS one, missed, answered
    FROM calls_by_time FINAL
    WHERE %calls in scope% AND NOT is_gone AND %where%
)
GROUP BY value
ORDER BY calls DESC, value
LIMIT {limit:UInt64}
