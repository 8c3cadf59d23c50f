-- The parts that hold each week of calls, and of what was owed since it, as one number: it is another one as soon as anything in the week
-- changes.
SELECT table = 'follow_ups_by_time' AS is_of_follow_ups, toInt64OrZero(partition) AS week, groupBitXor(cityHash64(name)) AS parts
FROM system.parts
WHERE database = currentDatabase() AND table IN ('calls_by_time', 'follow_ups_by_time') AND active
GROUP BY is_of_follow_ups, week
