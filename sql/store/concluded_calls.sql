SELECT call_id, version, content, is_final, merged_into IS NOT NULL AS is_gone FROM calls FINAL WHERE tenant = {tenant:String} AND started_at >= fromUnixTimestamp64Milli({since:Int64}, 'UTC')
