-- What became of the missed calls of a view, and by week where it is kept so: each of them is owed in one state, or in none yet. The words:
-- the state, and of a follow-up that lasts beyond a week its id, so that it counts once in all weeks. The sums: calls, follow-ups.
SELECT week, toNullable(if(lasting = '', state, concat(state, ' ', lasting))) AS of, [toInt64(count()), toInt64(uniqExact(owed))] AS sums
FROM
(
    SELECT
        id, tupleElement(argMax((state_of, owed_of, lasting_of, week_of), told), 1) AS state,
        tupleElement(argMax((state_of, owed_of, lasting_of, week_of), told), 2) AS owed,
        tupleElement(argMax((state_of, owed_of, lasting_of, week_of), told), 3) AS lasting,
        tupleElement(argMax((state_of, owed_of, lasting_of, week_of), told), 4) AS week
    FROM
    (
        SELECT
            arrayJoin(arrayZip(calls, calls_at)) AS call, tupleElement(call, 1) AS id,
            toInt64(floor(toUnixTimestamp64Milli(tupleElement(call, 2)) / 900000)) AS quarter_of,
            if(quarter_of >= {kept_from:Int64} AND quarter_of < {kept_to:Int64}, intDiv(quarter_of, 672), 0) AS week_of,
            status AS state_of, follow_up_id AS owed_of, version AS told,
            if(intDiv(toUnixTimestamp64Milli(opened_at), 604800000) = intDiv(toUnixTimestamp64Milli(last_at), 604800000), '', follow_up_id) AS lasting_of
        FROM follow_ups_by_time FINAL
        WHERE tenant = {tenant:String} AND NOT is_gone AND %owed asked%
    )
    GROUP BY id
)
WHERE id IN (SELECT call_id FROM calls_by_time FINAL WHERE %calls in scope% AND NOT is_gone AND missed AND %where%)
GROUP BY week, state, lasting
