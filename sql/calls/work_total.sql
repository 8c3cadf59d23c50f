-- How much is still to be done, and since when the oldest waits.
SELECT count(), countIf(status = 'dealing'), toUnixTimestamp64Milli(minOrNull(opened_at))
FROM follow_ups_by_time FINAL
WHERE %follow_ups in scope% AND NOT is_gone AND %owed asked%
