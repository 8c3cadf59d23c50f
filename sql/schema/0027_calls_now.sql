-- What analysts and pages read: one row a call, with the keys of the line that `ringback calls` prints.
-- `records` are text here, where the line has numbers if it is of one file; a follow-up that there is none of is null in each of its parts.
CREATE OR REPLACE VIEW calls_now AS
SELECT
    c.call_id AS call_id, c.merged_into AS merged_into, c.tenant AS tenant, site, pbx, pbxes, link_keys, direction, answered, outcome, missed, short, out_of_hours, reason,
    caller, caller_raw, caller_name, caller_extension, caller_person, did, dialed, trunk, entry, menu_path, first_target, queue,
    `group`, owner, answered_by, answered_by_kind, transfers, started_at, queued_at, rang_at, answered_at, ended_at, ended_by, cause,
    wait_time_s, queue_wait_time_s, ring_time_s, talk_time_s, hold_time_s, park_time_s, machine_time_s, duration_s, voicemail_left,
    recording_url, o.offers AS offers, rule, evidence, f.follow_up AS follow_up, records, toUInt32(greatest(r.revision, 1)) AS revision, is_final
FROM (SELECT * FROM calls FINAL WHERE merged_into IS NULL) AS c
LEFT JOIN
(
    SELECT
        tenant, call_id, version,
        arrayMap(x -> x.2, arraySort(x -> x.1, groupArray((position, CAST((target, kind, person, `group`, round, rang_at, ended_at, `end`, reason),
            'Tuple(target Nullable(String), kind String, person Nullable(String), `group` Nullable(String), round UInt32, rang_at Nullable(DateTime64(3, \'UTC\')), ended_at DateTime64(3, \'UTC\'), `end` String, reason Nullable(String))'))))) AS offers
    FROM offers FINAL
    GROUP BY tenant, call_id, version
) AS o ON c.tenant = o.tenant AND c.call_id = o.call_id AND c.version = o.version
LEFT JOIN
(
    SELECT tenant, arrayJoin(calls) AS call_id, argMax(follow_up_id, version) AS owed
    FROM follow_ups FINAL
    WHERE merged_into IS NULL
    GROUP BY tenant, call_id
) AS w ON c.tenant = w.tenant AND c.call_id = w.call_id
LEFT JOIN
(
    SELECT
        tenant, follow_up_id,
        CAST((follow_up_id, status, owner, due_at, settled_by_call, settled_by, our_attempts, customer_calls, time_to_return_s),
            'Tuple(id Nullable(String), status Nullable(String), owner Nullable(String), due_at Nullable(DateTime64(3, \'UTC\')), settled_by_call Nullable(String), settled_by Nullable(String), our_attempts Nullable(UInt32), customer_calls Nullable(UInt32), time_to_return_s Nullable(Decimal(18, 3)))') AS follow_up
    FROM follow_ups FINAL
) AS f ON c.tenant = f.tenant AND coalesce(c.follow_up_id, w.owed) = f.follow_up_id
LEFT JOIN
(
    SELECT tenant, call_id, uniqExact((outcome, missed, reason, rule, is_final)) AS revision FROM verdicts GROUP BY tenant, call_id
) AS r ON c.tenant = r.tenant AND c.call_id = r.call_id
