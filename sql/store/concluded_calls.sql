SELECT call_id, version, content, keys, is_final FROM calls FINAL WHERE tenant = {tenant:String} AND merged_into IS NULL AND started_at >= fromUnixTimestamp64Milli({since:Int64}, 'UTC')
