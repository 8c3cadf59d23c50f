-- Whether one partition stored legs that reached the log before a moment.
SELECT count() > 0
FROM (SELECT 1 FROM legs WHERE topic = {topic:String} AND partition = {partition:UInt32} AND logged_at < fromUnixTimestamp64Milli({moment:Int64}, 'UTC') LIMIT 1)
