-- Windows of a company that began since a moment, each with a hash of all its measures that are not 0, whatever their order.
SELECT scope, scope_id, size_s, toUnixTimestamp64Milli(opened_at), max(version), groupBitXor(content), minIf(is_final, content != 0)
FROM windows FINAL
WHERE tenant = {tenant:String} AND opened_at >= fromUnixTimestamp64Milli({since:Int64}, 'UTC')
GROUP BY scope, scope_id, size_s, opened_at
