-- Conclusions: each stay in a queue or hunt group, by call and version of the call.
CREATE TABLE IF NOT EXISTS visits
(
    `tenant` String,
    `call_id` String,
    `version` UInt64,
    `position` UInt32 COMMENT 'Order within the call, from 1.',
    `started_at` DateTime64(3, 'UTC') COMMENT 'When the call began: a visit belongs to the interval of its call.',
    `kind` String COMMENT 'queue or hunt_group.',
    `queue` String,
    `group` Nullable(String),
    `entered_at` DateTime64(3, 'UTC'),
    `left_at` DateTime64(3, 'UTC'),
    `end` Nullable(String)
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (tenant, call_id, position)
COMMENT 'Each stay in a queue or hunt group.'
