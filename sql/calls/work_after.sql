-- After the last row of the page before.
(100 - toInt64(priority), toUnixTimestamp64Milli(opened_at), follow_up_id) > ({after_priority:Int64}, {after_at:Int64}, {after_id:String})
