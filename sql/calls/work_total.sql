-- How much is still to be done, and since when the oldest waits.
SELECT count(), countIf(status = 'dealing'), toUnixTimestamp64Milli(minOrNull(opened_at))
FROM follow_ups FINAL
WHERE %follow_ups in scope% AND merged_into IS NULL AND status IN ('open', 'dealing')
