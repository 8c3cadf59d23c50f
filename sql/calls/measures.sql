-- What measures are computed from, over the inbound calls of a view, and by week where it is kept so, three times. The words: `verdict` and
-- what their verdicts say, which is the outcome, then missed, short, unanswered out of hours, its reason known, answered; `slot` with
-- weekday and hour of the site's clock; `group` with the one in whose figures they are. The sums: calls, missed ones, answered ones; of
-- verdicts then waits and their milliseconds, waits in queues and theirs, those that were answered or left soon, milliseconds of talk and
-- of hold, talks, and milliseconds of hold in these.
SELECT
    week,
    toNullable(multiIf(
        is_slot, concatWithSeparator(' ', 'slot', weekday, hour),
        is_group, concat('group', ifNull(concat(' ', owner_group), '')),
        concatWithSeparator(' ', 'verdict', outcome, toUInt8(missed), toUInt8(short), toUInt8(unanswered_out_of_hours), toUInt8(reason_known), toUInt8(is_answered)))) AS of,
    if(is_slot OR is_group, [calls, missed_calls, answered_calls],
        [calls, missed_calls, answered_calls, waits, wait_ms, queue_waits, queue_wait_ms, soon, talk_ms, hold_ms, talks, hold_of_talks_ms]) AS sums
FROM
(
    SELECT
        %week% AS week, toDayOfWeek(started_at, 0, {zone:String}) AS weekday, toHour(started_at, {zone:String}) AS hour, owner_group,
        outcome, missed, short, answered = 'answered' AS is_answered, out_of_hours AND answered = 'unanswered' AS unanswered_out_of_hours,
        missed AND ifNull(reason, 'unknown') != 'unknown' AS reason_known,
        grouping(hour) = 0 AS is_slot, grouping(owner_group) = 0 AS is_group,
        toInt64(count()) AS calls, toInt64(countIf(missed)) AS missed_calls, toInt64(countIf(answered = 'answered')) AS answered_calls,
        toInt64(count(wait_time_s)) AS waits, toInt64(ifNull(sum(toInt64(wait_time_s * 1000)), 0)) AS wait_ms,
        toInt64(count(queue_wait_time_s)) AS queue_waits, toInt64(ifNull(sum(toInt64(queue_wait_time_s * 1000)), 0)) AS queue_wait_ms,
        toInt64(countIf(queue_wait_time_s * 1000 <= {soon_ms:Int64})) AS soon,
        toInt64(ifNull(sum(toInt64(talk_time_s * 1000)), 0)) AS talk_ms, toInt64(ifNull(sum(toInt64(hold_time_s * 1000)), 0)) AS hold_ms,
        toInt64(count(talk_time_s)) AS talks, toInt64(ifNull(sumIf(toInt64(hold_time_s * 1000), talk_time_s IS NOT NULL), 0)) AS hold_of_talks_ms
    FROM calls_by_time FINAL
    WHERE %calls in scope% AND NOT is_gone AND direction = 'inbound' AND %where%
    GROUP BY GROUPING SETS
    (
        (week, outcome, missed, short, is_answered, unanswered_out_of_hours, reason_known), (week, weekday, hour), (week, owner_group)
    )
)
