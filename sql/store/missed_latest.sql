-- The latest missed calls, the latest first.
SELECT
    toUnixTimestamp64Milli(started_at), coalesce(caller, caller_raw), coalesce(first_target, dialed),
    toInt64(wait_time_s * 1000), reason, follow_up.status
FROM calls_now
WHERE tenant = {tenant:String} AND missed
ORDER BY started_at DESC, call_id DESC
LIMIT {max:UInt64}
