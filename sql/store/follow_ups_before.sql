-- Follow-ups of which nothing was concluded since this version.
SELECT follow_up_id FROM follow_ups FINAL WHERE tenant = {tenant:String} AND version < {version:UInt64} AND merged_into IS NULL
