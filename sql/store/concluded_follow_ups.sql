SELECT follow_up_id, version, content FROM follow_ups FINAL WHERE tenant = {tenant:String} AND merged_into IS NULL AND opened_at >= fromUnixTimestamp64Milli({since:Int64}, 'UTC')
