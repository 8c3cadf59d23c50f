-- How many calls a view has.
SELECT count() FROM calls_by_time FINAL WHERE %calls in scope% AND NOT is_gone AND %where%
