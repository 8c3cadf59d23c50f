tenant = {tenant:String} AND follow_up_id IN (SELECT follow_up_id FROM follow_ups FINAL WHERE %follow_ups in scope% AND merged_into IS NULL)
