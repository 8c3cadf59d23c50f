tenant = {tenant:String} AND false
