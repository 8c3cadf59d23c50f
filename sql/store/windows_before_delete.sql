DELETE FROM windows WHERE tenant = {tenant:String} AND version < {version:UInt64}
