-- What measures are computed from, over the inbound calls of a view, by what their verdicts say, and by week where it is kept so. The words:
-- outcome, missed, short, unanswered out of hours, its reason known. The sums: calls, waits and their milliseconds, waits in queues and
-- theirs, those that were answered or left soon, milliseconds of talk and of hold, talks, and milliseconds of hold in these.
SELECT
    week, toNullable(concatWithSeparator(' ', outcome, toUInt8(missed), toUInt8(short), toUInt8(unanswered_out_of_hours), toUInt8(reason_known))) AS of,
    [calls, waits, wait_ms, queue_waits, queue_wait_ms, soon, talk_ms, hold_ms, talks, hold_of_talks_ms] AS sums
FROM
(
    SELECT
        %week% AS week, outcome, missed, short,
        out_of_hours AND answered = 'unanswered' AS unanswered_out_of_hours,
        missed AND ifNull(reason, 'unknown') != 'unknown' AS reason_known,
        toInt64(count()) AS calls,
        toInt64(count(wait_time_s)) AS waits, toInt64(ifNull(sum(toInt64(wait_time_s * 1000)), 0)) AS wait_ms,
        toInt64(count(queue_wait_time_s)) AS queue_waits, toInt64(ifNull(sum(toInt64(queue_wait_time_s * 1000)), 0)) AS queue_wait_ms,
        toInt64(countIf(queue_wait_time_s * 1000 <= {soon_ms:Int64})) AS soon,
        toInt64(ifNull(sum(toInt64(talk_time_s * 1000)), 0)) AS talk_ms, toInt64(ifNull(sum(toInt64(hold_time_s * 1000)), 0)) AS hold_ms,
        toInt64(count(talk_time_s)) AS talks, toInt64(ifNull(sumIf(toInt64(hold_time_s * 1000), talk_time_s IS NOT NULL), 0)) AS hold_of_talks_ms
    FROM calls_by_time FINAL
    WHERE %calls in scope% AND NOT is_gone AND direction = 'inbound' AND %where%
    GROUP BY week, outcome, missed, short, unanswered_out_of_hours, reason_known
)
