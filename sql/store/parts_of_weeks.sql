-- The parts that hold each week of calls, as one number: it is another one as soon as anything in the week changes.
SELECT toInt64OrZero(partition) AS week, groupBitXor(cityHash64(name)) AS parts
FROM system.parts
WHERE database = currentDatabase() AND table = 'calls_by_time' AND active
GROUP BY week
