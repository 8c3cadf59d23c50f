-- Follow-ups that were opened before a moment, and not longer before it than one can be open, and lasted beyond it. What an
-- earlier reading of the log told counts no more.
SELECT assumeNotNull(customer), toUnixTimestamp64Milli(opened_at), toUnixTimestamp64Milli(closed_at)
FROM follow_ups FINAL
WHERE tenant = {tenant:String} AND version >= {lowest:UInt64} AND merged_into IS NULL AND customer IS NOT NULL
    AND opened_at >= fromUnixTimestamp64Milli({from:Int64}, 'UTC') AND opened_at < fromUnixTimestamp64Milli({since:Int64}, 'UTC')
    AND (closed_at IS NULL OR closed_at > fromUnixTimestamp64Milli({since:Int64}, 'UTC'))
