-- Conclusions: what is owed to a customer after a missed call, until it is settled.
CREATE TABLE IF NOT EXISTS follow_ups
(
    `tenant` String,
    `follow_up_id` String,
    `version` UInt64,
    `content` UInt64 COMMENT 'A hash of what is concluded: equal content needs no new row.',
    `merged_into` Nullable(String),
    `customer` Nullable(String) COMMENT 'Null: the number was withheld.',
    `opening_call` String,
    `calls` Array(String) COMMENT 'Its missed calls, the opening one first.',
    `opened_at` DateTime64(3, 'UTC'),
    `status` String,
    `owner` Nullable(String),
    `due_at` Nullable(DateTime64(3, 'UTC')),
    `settled_by_call` Nullable(String),
    `settled_by` Nullable(String),
    `our_attempts` UInt32,
    `customer_calls` UInt32,
    `time_to_return_s` Nullable(Decimal(18, 3))
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (tenant, follow_up_id)
COMMENT 'What is owed to customers.'
