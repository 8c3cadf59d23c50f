SELECT count() FROM windows FINAL WHERE tenant = {tenant:String} AND version < {version:UInt64}
