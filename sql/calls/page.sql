-- The calls of one page of a view: where they stand, and what the next page begins after.
SELECT quarter, call_id, toUnixTimestamp64Milli(started_at), toNullable(toString(%key%))
FROM calls_by_time FINAL
WHERE %calls in scope% AND NOT is_gone AND %where%
ORDER BY %order%
LIMIT {limit:UInt64}
