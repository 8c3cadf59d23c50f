-- Where in calls_by_time a call has ever stood: what a later version has to take away, and how a call is found by its id.
-- Few rows a mark and small blocks, since it is asked for single calls.
CREATE TABLE IF NOT EXISTS call_places
(
    `tenant` LowCardinality(String),
    `call_id` String,
    `quarter` Int64 COMMENT 'As in calls_by_time.',
    `version` UInt64 COMMENT 'The highest that was written there.'
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (tenant, call_id, quarter)
SETTINGS index_granularity = 256, min_compress_block_size = 2048, max_compress_block_size = 16384
COMMENT 'Where each call stands in the order of time.'
