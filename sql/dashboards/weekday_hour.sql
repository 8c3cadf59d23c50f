-- A view by weekday and hour of the site's clock, and by week where it is kept so: calls, missed ones, answered ones.
SELECT week, toNullable(concatWithSeparator(' ', weekday, hour)) AS of, [toInt64(calls), toInt64(missed_calls), toInt64(answered_calls)] AS sums
FROM
(
    SELECT
        %week% AS week, toDayOfWeek(started_at, 0, {zone:String}) AS weekday, toHour(started_at, {zone:String}) AS hour,
        count() AS calls, countIf(missed) AS missed_calls, countIf(answered = 'answered') AS answered_calls
    FROM calls_by_time FINAL
    WHERE %calls in scope% AND NOT is_gone AND %where%
    GROUP BY week, weekday, hour
)
