-- Facts that are no legs and no rejects.
-- On replicated tables the settings are replicated_deduplication_window = 10000 and replicated_deduplication_window_seconds = 604800.
CREATE TABLE IF NOT EXISTS marks
(
    `tenant` LowCardinality(String),
    `pbx` LowCardinality(String),
    `adapter` LowCardinality(String),
    `source` String COMMENT 'The file or collector.' CODEC(ZSTD(1)),
    `epoch` UInt8 COMMENT 'Which reading of the log stored it.',
    `topic` LowCardinality(String),
    `partition` UInt32,
    `position` UInt64 COMMENT 'The record''s position in its partition.' CODEC(Delta(8), ZSTD(1)),
    `part` UInt16 COMMENT 'Number of the mark among those of its record, from 0.' CODEC(ZSTD(1)),
    `logged_at` DateTime64(3, 'UTC') COMMENT 'When the record reached the log.' CODEC(Delta(8), ZSTD(1)),
    `kind` LowCardinality(String) COMMENT 'header: a line that names the columns of the records after it.',
    `subject` String COMMENT 'Of whom or what it is told.' CODEC(ZSTD(1)),
    `value` String COMMENT 'What is told.' CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(logged_at)
ORDER BY (tenant, topic, partition, epoch, position, part)
SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1
COMMENT 'What records tell beside legs.'
