-- Facts: one row a leg, a function of its record alone. The same leg stored twice is one row here after a merge, and at once in legs_now.
CREATE TABLE IF NOT EXISTS legs
(
    `tenant` String COMMENT 'The company.',
    `pbx` String COMMENT 'The exchange that told it.',
    `adapter` String COMMENT 'The adapter that read it.',
    `leg_id` UInt128 COMMENT 'The same record read twice has the same id.',
    `file` UInt32 COMMENT 'Number of the source, from 1.',
    `record` UInt64 COMMENT 'Number of the record in its source, from 1, headers not counted.',
    `byte` UInt64 COMMENT 'Offset of the record in its source.',
    `logged_at` DateTime64(3, 'UTC') COMMENT 'When the record reached the log.',
    `native_id` String,
    `ordinal` UInt64 COMMENT 'The PBX''s own order of making legs; 0 where the format has none.',
    `link_keys` Array(Tuple(kind String, value String)) COMMENT 'What joins it to other legs.',
    `event` Nullable(String) COMMENT 'Null: a whole path. Else the one moment that this partial leg tells.',
    `detail` String,
    `argument` String,
    `length_ms` Nullable(Int64),
    `from_kind` String, `from_number` String, `from_name` String, `from_device` String, `from_channel` String, `from_trunk` String,
    `to_kind` Nullable(String), `to_number` String, `to_name` String, `to_device` String, `to_channel` String, `to_trunk` String,
    `stage` String COMMENT 'Where of ours it took place.',
    `place` String,
    `dialed` String,
    `did` String,
    `queue` String,
    `started_at` Nullable(DateTime64(3, 'UTC')),
    `rang_at` Nullable(DateTime64(3, 'UTC')),
    `answered_at` Nullable(DateTime64(3, 'UTC')),
    `ended_at` Nullable(DateTime64(3, 'UTC')),
    `grain_ms` UInt32 COMMENT 'The moments are no finer than this.',
    `up_before` Bool COMMENT 'The channel was answered before this leg, so answered_at is not the far end''s.',
    `timed_out` Nullable(Bool),
    `disposition` String,
    `answerer` String,
    `cause` Nullable(UInt16) COMMENT 'Q.850.',
    `ended_by` Nullable(String),
    `moved_kind` Nullable(String),
    `moved_by` String,
    `hold_ms` Nullable(Int64),
    `message_left` Nullable(Bool),
    `recording` String,
    `ends_call` Bool COMMENT 'The last record that the PBX writes of its call.',
    `extra` Array(Tuple(name String, value String)) COMMENT 'The record''s own fields that have no column.'
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(logged_at)
ORDER BY (tenant, pbx, leg_id)
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'Every leg, as its PBX told it.'
