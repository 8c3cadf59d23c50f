-- What the engine concluded of the generated records, to be copied.
CREATE TABLE kept_calls ENGINE = MergeTree ORDER BY tuple() AS SELECT * FROM calls_by_time FINAL WHERE NOT is_gone
