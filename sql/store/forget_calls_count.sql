-- Calls whose last version no reading of the whole log comes to any more.
SELECT count() FROM calls FINAL WHERE tenant = {tenant:String} AND arrayExists((f, t) -> version >= f AND version < t, {from:Array(UInt64)}, {to:Array(UInt64)})
