-- What every insert into a table of facts brought, written by the insert itself and never merged away.
-- On replicated tables the settings are replicated_deduplication_window = 10000 and replicated_deduplication_window_seconds = 604800.
CREATE TABLE IF NOT EXISTS ledger
(
    `of` LowCardinality(String) COMMENT 'The table.',
    `epoch` UInt8,
    `topic` LowCardinality(String),
    `partition` UInt32,
    `first` UInt64 COMMENT 'The lowest position.' CODEC(Delta(8), ZSTD(1)),
    `last` UInt64 COMMENT 'The highest position.' CODEC(Delta(8), ZSTD(1)),
    `rows` UInt64 COMMENT 'Rows that came.' CODEC(ZSTD(1)),
    `positions` UInt64 COMMENT 'Different positions among them.' CODEC(ZSTD(1))
)
ENGINE = MergeTree
ORDER BY (topic, partition, epoch, of, first, last)
SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1
COMMENT 'What every insert brought.'
