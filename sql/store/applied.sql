-- Which files of sql/schema were applied, and a hash of each.
CREATE TABLE IF NOT EXISTS schema_migrations (`name` String, `hash` UInt64)
ENGINE = ReplacingMergeTree
ORDER BY name
COMMENT 'What of sql/schema was applied.'
