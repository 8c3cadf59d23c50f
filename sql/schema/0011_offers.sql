-- Conclusions: each ringing of each person, by call and version of the call.
CREATE TABLE IF NOT EXISTS offers
(
    `tenant` String,
    `call_id` String,
    `version` UInt64,
    `position` UInt32 COMMENT 'Order within the call, from 1.',
    `started_at` DateTime64(3, 'UTC') COMMENT 'When the call began: an offer belongs to the interval of its call.',
    `target` Nullable(String),
    `person` Nullable(String),
    `group` Nullable(String) COMMENT 'The group then in force.',
    `queue` Nullable(String),
    `kind` String,
    `round` UInt32,
    `rang_at` Nullable(DateTime64(3, 'UTC')),
    `ended_at` DateTime64(3, 'UTC'),
    `end` String,
    `reason` Nullable(String),
    `person_missed` Bool COMMENT 'Counts as missed by this person; once a call.'
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (tenant, call_id, position)
COMMENT 'Each ringing of each person.'
