-- A view by people: each call counts once for each of them, missed where this very person missed it, answered where they took it.
SELECT
    nullIf(toString(one), '') AS value, count() AS calls,
    countIf(if(one = '', missed, has(missed_by, one))) AS missed_calls,
    countIf(if(one = '', answered = 'answered', has(taken_by, one))) AS answered_calls
FROM calls_by_time FINAL
LEFT ARRAY JOIN %group% AS one
WHERE %calls in scope% AND NOT is_gone AND %where%
GROUP BY value
ORDER BY calls DESC, value
LIMIT {limit:UInt64}
