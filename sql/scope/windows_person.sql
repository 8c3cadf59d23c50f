tenant = {tenant:String} AND scope = 'person' AND scope_id = {scope_person:String}
