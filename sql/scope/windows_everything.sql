tenant = {tenant:String}
