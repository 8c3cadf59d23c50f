-- Before the calls themselves: what is gone is told by their table.
DELETE FROM offers WHERE tenant = {tenant:String} AND call_id IN (SELECT call_id FROM calls FINAL WHERE tenant = {tenant:String} AND arrayExists((f, t) -> version >= f AND version < t, {from:Array(UInt64)}, {to:Array(UInt64)}))
