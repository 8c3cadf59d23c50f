-- Facts: what was not understood, with its bytes. Every byte that was read is in a leg, in a header, or here.
CREATE TABLE IF NOT EXISTS rejects
(
    `tenant` String,
    `pbx` String,
    `adapter` String,
    `source` String COMMENT 'The file or collector.',
    `file` UInt32,
    `record` UInt64,
    `byte` UInt64,
    `logged_at` DateTime64(3, 'UTC'),
    `reason` String COMMENT 'What is wrong, where, and what would have been understood.',
    `bytes` String,
    `bytes_total` UInt64
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(logged_at)
ORDER BY (tenant, pbx, source, byte, reason)
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'Records, or parts of one, that were not understood.'
