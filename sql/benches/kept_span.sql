-- How many calls are copied, and when the last of them began.
SELECT count(), toUnixTimestamp64Milli(max(started_at)) FROM kept_calls
