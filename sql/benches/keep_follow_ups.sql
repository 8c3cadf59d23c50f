-- What is owed after them.
CREATE TABLE kept_follow_ups ENGINE = MergeTree ORDER BY tuple() AS SELECT * FROM follow_ups FINAL WHERE merged_into IS NULL
