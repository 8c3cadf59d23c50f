-- Conclusions: what was counted or computed in each span of time, by version; the highest version counts. Read windows_now.
CREATE TABLE IF NOT EXISTS windows
(
    `tenant` String,
    `scope` LowCardinality(String) COMMENT 'Of what kind of thing: a queue, a group, a person, ...',
    `scope_id` String,
    `size_s` UInt32 COMMENT 'How long the window is.',
    `opened_at` DateTime64(3, 'UTC') COMMENT 'When it begins.',
    `measure` LowCardinality(String),
    `version` UInt64,
    `content` UInt64 COMMENT 'A hash of what is concluded: equal content needs no new row.',
    `value` Decimal(18, 3),
    `is_final` Bool
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (tenant, scope, scope_id, size_s, opened_at, measure)
COMMENT 'What was measured in each window.'
