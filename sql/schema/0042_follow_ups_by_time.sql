-- Conclusions: the same follow-ups in the order of time, so that what a page says of a day reads little more than that day's.
-- A follow-up stands at the quarter of an hour in which it was opened, as a call does in calls_by_time: the highest version at a place
-- counts, and of all places of a follow-up at most one shows it. All its calls began between `opened_at` and `last_at`.
CREATE TABLE IF NOT EXISTS follow_ups_by_time
(
    `tenant` LowCardinality(String),
    `quarter` Int64 COMMENT 'Quarters of an hour since 1970 until it was opened.' CODEC(Delta(8), ZSTD(1)),
    `follow_up_id` String CODEC(ZSTD(1)),
    `version` UInt64 CODEC(ZSTD(1)),
    `is_gone` Bool COMMENT 'The follow-up is at another place since this version, or is none any more.',
    `customer` Nullable(String) COMMENT 'Null: the number was withheld.' CODEC(ZSTD(1)),
    `opening_call` String CODEC(ZSTD(1)),
    `calls` Array(String) COMMENT 'Its missed calls, the opening one first.' CODEC(ZSTD(1)),
    `calls_at` Array(DateTime64(3, 'UTC')) COMMENT 'When each of them began.' CODEC(ZSTD(1)),
    `opened_at` DateTime64(3, 'UTC') CODEC(ZSTD(1)),
    `last_at` DateTime64(3, 'UTC') CODEC(ZSTD(1)),
    `closed_at` Nullable(DateTime64(3, 'UTC')) CODEC(ZSTD(1)),
    `status` LowCardinality(String),
    `owner` LowCardinality(Nullable(String)),
    `due_at` Nullable(DateTime64(3, 'UTC')) CODEC(ZSTD(1)),
    `settled_by_call` Nullable(String) CODEC(ZSTD(1)),
    `settled_by` LowCardinality(Nullable(String)),
    `our_attempts` UInt32 CODEC(ZSTD(1)),
    `customer_calls` UInt32 CODEC(ZSTD(1)),
    `time_to_return_s` Nullable(Decimal(18, 3)) CODEC(ZSTD(1)),
    `priority` UInt8 CODEC(ZSTD(1)),
    `why` LowCardinality(Nullable(String)),
    `dealt_by` LowCardinality(Nullable(String)),
    `dealt_until` Nullable(DateTime64(3, 'UTC')) CODEC(ZSTD(1)),
    INDEX last_at_minmax last_at TYPE minmax GRANULARITY 1,
    INDEX status_set status TYPE set(8) GRANULARITY 1,
    INDEX customer_bloom customer TYPE bloom_filter(0.01) GRANULARITY 8,
    INDEX calls_bloom calls TYPE bloom_filter(0.0001) GRANULARITY 1
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY if(quarter BETWEEN 1000000 AND 5000000, intDiv(quarter, 672), 0)
ORDER BY (tenant, quarter, follow_up_id)
SETTINGS index_granularity = 1024, min_age_to_force_merge_seconds = 600, min_age_to_force_merge_on_partition_only = 1
COMMENT 'Every follow-up in the order of time.'
