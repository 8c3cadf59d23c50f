-- Weeks of a table in the order of time that are not being written any more.
SELECT DISTINCT toString(partition) FROM system.parts
WHERE database = currentDatabase() AND table = {table:String} AND active AND toInt64OrZero(partition) < {week:Int64}
ORDER BY 1
