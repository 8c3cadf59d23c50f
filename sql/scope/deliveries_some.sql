tenant = {tenant:String} AND follow_up_id IN (SELECT follow_up_id FROM follow_ups_by_time FINAL WHERE %follow_ups in scope% AND NOT is_gone AND %owed asked%)
