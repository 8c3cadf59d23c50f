-- Weeks of calls that are not being written any more.
SELECT DISTINCT toString(partition) FROM system.parts
WHERE database = currentDatabase() AND table = 'calls_by_time' AND active AND toInt64OrZero(partition) < {week:Int64}
ORDER BY 1
