-- Facts: what was not understood, with its bytes. Every byte that was read is in a leg, in a mark, or here.
-- On replicated tables the settings are replicated_deduplication_window = 10000 and replicated_deduplication_window_seconds = 604800.
CREATE TABLE IF NOT EXISTS rejects
(
    `tenant` LowCardinality(String),
    `pbx` LowCardinality(String),
    `adapter` LowCardinality(String),
    `source` String COMMENT 'The file or collector.' CODEC(ZSTD(1)),
    `epoch` UInt8 COMMENT 'Which reading of the log stored it.',
    `topic` LowCardinality(String),
    `partition` UInt32,
    `position` UInt64 COMMENT 'The record''s position in its partition.' CODEC(Delta(8), ZSTD(1)),
    `part` UInt16 COMMENT 'Number of the reject among those of its record, from 0.' CODEC(ZSTD(1)),
    `settings` UInt32 COMMENT 'The version of the settings that its record was read with.' CODEC(ZSTD(1)),
    `logged_at` DateTime64(3, 'UTC') COMMENT 'When the record reached the log.' CODEC(Delta(8), ZSTD(1)),
    `file` UInt32 CODEC(ZSTD(1)),
    `record` UInt64 CODEC(Delta(8), ZSTD(1)),
    `byte` UInt64 CODEC(Delta(8), ZSTD(1)),
    `reason` String COMMENT 'What is wrong, where, and what would have been understood.' CODEC(ZSTD(1)),
    `bytes` String CODEC(ZSTD(1)),
    `bytes_total` UInt64 CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(logged_at)
ORDER BY (tenant, topic, partition, epoch, position, part)
SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1
COMMENT 'Records, or parts of one, that were not understood.'
