-- Conclusions: every verdict that a call ever had; the highest version is the one that counts.
CREATE TABLE IF NOT EXISTS verdicts
(
    `tenant` String,
    `call_id` String,
    `version` UInt64,
    `merged_into` Nullable(String),
    `outcome` String,
    `missed` Bool,
    `reason` Nullable(String),
    `rule` String,
    `is_final` Bool,
    `decided_at` DateTime64(3, 'UTC') COMMENT 'By the log''s clock.'
)
ENGINE = ReplacingMergeTree
ORDER BY (tenant, call_id, version)
COMMENT 'Every verdict, also those that were revised.'
