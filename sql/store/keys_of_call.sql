SELECT keys FROM calls FINAL WHERE tenant = {tenant:String} AND call_id = {call_id:String}
