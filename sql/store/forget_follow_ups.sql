DELETE FROM follow_ups WHERE tenant = {tenant:String} AND arrayExists((f, t) -> version >= f AND version < t, {from:Array(UInt64)}, {to:Array(UInt64)})
