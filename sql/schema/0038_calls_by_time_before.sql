-- The calls that were concluded before there was an order of time. What an exchange writes where a number was withheld is no customer.
INSERT INTO calls_by_time
(
    tenant, quarter, call_id, version, is_gone, site, pbx, pbxes, link_keys, direction, answered, outcome, missed, short, out_of_hours, reason,
    caller, caller_raw, caller_name, caller_extension, caller_person, did, dialed, trunk, entry, menu_path, first_target, queue, `group`, owner,
    answered_by, answered_by_kind, transfers, started_at, queued_at, rang_at, answered_at, ended_at, ended_by, cause, wait_time_s,
    queue_wait_time_s, ring_time_s, talk_time_s, hold_time_s, park_time_s, machine_time_s, duration_s, voicemail_left, recording_url, offers,
    rule, evidence, records, is_final, customer, called, owner_group, tried, missed_by, taken_by, people, groups, queues, extensions
)
SELECT
    c.tenant, toInt64(floor(toUnixTimestamp64Milli(c.started_at) / 900000)), c.call_id, c.version, false, c.site, c.pbx, c.pbxes, c.link_keys, c.direction,
    c.answered, c.outcome, c.missed, c.short, c.out_of_hours, c.reason, c.caller, c.caller_raw, c.caller_name, c.caller_extension, c.caller_person,
    c.did, c.dialed, c.trunk, c.entry, c.menu_path, c.first_target, c.queue, c.`group`, c.owner, c.answered_by, c.answered_by_kind, c.transfers,
    c.started_at, c.queued_at, c.rang_at, c.answered_at, c.ended_at, c.ended_by, c.cause, c.wait_time_s, c.queue_wait_time_s, c.ring_time_s,
    c.talk_time_s, c.hold_time_s, c.park_time_s, c.machine_time_s, c.duration_s, c.voicemail_left, c.recording_url, o.offers, c.rule, c.evidence,
    c.records, c.is_final,
    multiIf(c.direction = 'inbound', coalesce(c.caller, if(match(ifNull(c.caller_raw, ''), '(?i)^\\s*(sip:)?\\s*(0*|anonymous|unknown|<unknown>|restricted|private|unavailable|withheld|asserted|blocked|null|none|-1|\\+?266696687|\\+86282452253)\\s*(@.*)?$'), NULL, c.caller_raw)), c.direction = 'outbound', c.dialed, NULL) AS outside,
    coalesce(arrayFirst(one -> one.2 = 'person', o.offers).3, c.first_target) AS first_called,
    multiIf(startsWith(ifNull(c.owner, ''), 'group:'), substring(ifNull(c.owner, ''), 7),
        startsWith(ifNull(c.owner, ''), 'person:'), coalesce(arrayFirst(one -> ifNull(one.3, '') = substring(ifNull(c.owner, ''), 8), o.offers).4, c.`group`),
        c.`group`) AS figures_of,
    o.tried, o.missed_by, o.taken_by,
    arraySort(arrayDistinct(arrayFilter(one -> one != '', arrayConcat(o.tried, [ifNull(c.caller_person, ''),
        if(startsWith(ifNull(c.owner, ''), 'person:'), substring(ifNull(c.owner, ''), 8), '')])))),
    arraySort(arrayDistinct(arrayFilter(one -> one != '', arrayConcat(o.groups, v.groups, [ifNull(c.`group`, ''), ifNull(figures_of, '')])))),
    arraySort(arrayDistinct(arrayFilter(one -> one != '', arrayConcat(v.queues, [ifNull(c.queue, '')])))),
    arraySort(arrayDistinct(arrayFilter(one -> one != '', arrayConcat(o.targets, [ifNull(c.caller_extension, '')],
        if(c.direction = 'outbound', [], c.answered_by), arrayMap(one -> ifNull(one.2, ''), c.transfers), arrayMap(one -> ifNull(one.3, ''), c.transfers)))))
FROM (SELECT * FROM calls FINAL WHERE merged_into IS NULL) AS c
LEFT JOIN
(
    SELECT
        tenant, call_id, version,
        arrayMap(x -> x.2, arraySort(x -> x.1, groupArray((position, CAST((target, kind, person, `group`, round, rang_at, ended_at, `end`, reason),
            'Tuple(target Nullable(String), kind String, person Nullable(String), `group` Nullable(String), round UInt32, rang_at Nullable(DateTime64(3, \'UTC\')), ended_at DateTime64(3, \'UTC\'), `end` String, reason Nullable(String))'))))) AS offers,
        arraySort(groupUniqArrayIf(assumeNotNull(person), kind = 'person' AND person IS NOT NULL)) AS tried,
        arraySort(groupUniqArrayIf(assumeNotNull(person), kind = 'person' AND person IS NOT NULL AND person_missed)) AS missed_by,
        arraySort(groupUniqArrayIf(assumeNotNull(person), kind = 'person' AND person IS NOT NULL AND `end` = 'answered')) AS taken_by,
        groupUniqArray(assumeNotNull(`group`)) AS groups,
        groupUniqArrayIf(assumeNotNull(target), kind = 'person') AS targets
    FROM offers FINAL
    GROUP BY tenant, call_id, version
) AS o ON c.tenant = o.tenant AND c.call_id = o.call_id AND c.version = o.version
LEFT JOIN
(
    SELECT tenant, call_id, version, groupUniqArray(assumeNotNull(`group`)) AS groups, groupUniqArray(queue) AS queues
    FROM visits FINAL
    GROUP BY tenant, call_id, version
) AS v ON c.tenant = v.tenant AND c.call_id = v.call_id AND c.version = v.version
SETTINGS max_partitions_per_insert_block = 0
