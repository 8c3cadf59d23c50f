-- In which follow-ups a call has ever been: by it the follow-up of a call is found without reading all of them. Whether the call is still in
-- it is said by the follow-up's own row.
CREATE TABLE IF NOT EXISTS follow_ups_by_call
(
    `tenant` LowCardinality(String),
    `call_id` String,
    `follow_up_id` String
)
ENGINE = ReplacingMergeTree
ORDER BY (tenant, call_id, follow_up_id)
SETTINGS index_granularity = 256, min_compress_block_size = 2048, max_compress_block_size = 16384
COMMENT 'Which follow-ups to look at for a call.'
