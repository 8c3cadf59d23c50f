-- Companies of which one partition stored legs that reached the log since a moment.
SELECT DISTINCT tenant
FROM legs
WHERE topic = {topic:String} AND partition = {partition:UInt32} AND logged_at >= fromUnixTimestamp64Milli({since:Int64}, 'UTC')
