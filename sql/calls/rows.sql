-- The calls that stand at these places, with the columns that are shown.
SELECT call_id AS id, %columns%
FROM calls_by_time FINAL
WHERE %calls in scope% AND NOT is_gone AND (quarter, call_id) IN arrayZip({quarters:Array(Int64)}, {ids:Array(String)})
