-- A view by weekday and hour of the site's clock.
SELECT toUInt8(toDayOfWeek(started_at, 0, {zone:String})) AS weekday, toUInt8(toHour(started_at, {zone:String})) AS hour, count() AS calls, countIf(missed) AS missed_calls
FROM calls_by_time FINAL
WHERE %calls in scope% AND NOT is_gone AND %where%
GROUP BY weekday, hour
ORDER BY weekday, hour
