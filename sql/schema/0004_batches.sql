-- Facts: one row a batch, with what it promises: what the audit compares the other facts with.
-- On replicated tables the settings are replicated_deduplication_window = 10000 and replicated_deduplication_window_seconds = 604800.
CREATE TABLE IF NOT EXISTS batches
(
    `epoch` UInt8 COMMENT 'Which reading of the log stored it.',
    `topic` LowCardinality(String),
    `partition` UInt32,
    `first` UInt64 COMMENT 'The position of its first record.' CODEC(Delta(8), ZSTD(1)),
    `next` UInt64 COMMENT 'The position after its last record: the next batch begins there.' CODEC(Delta(8), ZSTD(1)),
    `records` UInt64 COMMENT 'Records that were read.' CODEC(ZSTD(1)),
    `legs` UInt64 COMMENT 'Rows of legs.' CODEC(ZSTD(1)),
    `marks` UInt64 COMMENT 'Rows of marks.' CODEC(ZSTD(1)),
    `rejects` UInt64 COMMENT 'Rows of rejects.' CODEC(ZSTD(1)),
    `headers` UInt64 COMMENT 'Records that only name the columns of others.' CODEC(ZSTD(1)),
    `settings` UInt32 COMMENT 'The version of the settings that it was read with.' CODEC(ZSTD(1)),
    `sealed_at` DateTime64(3, 'UTC') COMMENT 'By the log''s clock.' CODEC(Delta(8), ZSTD(1))
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(sealed_at)
ORDER BY (topic, partition, epoch, first, next)
SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1
COMMENT 'What was stored, batch by batch.'
