-- Calls of which nothing was concluded since this version.
SELECT call_id FROM calls FINAL WHERE tenant = {tenant:String} AND version < {version:UInt64} AND merged_into IS NULL
