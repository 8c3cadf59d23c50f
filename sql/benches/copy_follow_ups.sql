-- Copies of all that is owed: what was open and is older than a week has expired.
INSERT INTO follow_ups
WITH
    id -> lower(hex(sipHash128(id, copy))) AS named,
    if({last:Int64} - toUnixTimestamp64Milli(opened_at) + {earlier_ms:Int64} >= {span_ms:Int64}, {span_ms:Int64}, 0) - {earlier_ms:Int64} AS later_ms,
    at -> fromUnixTimestamp64Milli(toUnixTimestamp64Milli(at) + later_ms, 'UTC') AS moved,
    number -> if(length(ifNull(number, '')) >= 9, concat(substring(ifNull(number, ''), 1, length(ifNull(number, '')) - 7), leftPad(toString(cityHash64(number, intDiv(copy, 4)) % 10000000), 7, '0')), number) AS another,
    toBool(status IN ('open', 'dealing') AND toUnixTimestamp64Milli(opened_at) + later_ms < {last:Int64} - 604800000) AS is_over
SELECT * EXCEPT (copy) REPLACE (
    named(follow_up_id) AS follow_up_id, named(opening_call) AS opening_call, arrayMap(call -> named(call), calls) AS calls,
    another(customer) AS customer, arrayMap(one -> moved(one), calls_at) AS calls_at,
    moved(opened_at) AS opened_at, moved(last_at) AS last_at, moved(due_at) AS due_at,
    if(is_over, moved(opened_at) + toIntervalDay(7), moved(closed_at)) AS closed_at,
    if(is_over, 'expired', status) AS status,
    if(settled_by_call IS NULL, NULL, named(assumeNotNull(settled_by_call))) AS settled_by_call)
FROM kept_follow_ups CROSS JOIN (SELECT number AS copy FROM numbers({copy:UInt64}, {copies:UInt64})) AS copies
SETTINGS max_partitions_per_insert_block = 0, min_insert_block_size_rows = 2000000, min_insert_block_size_bytes = 4000000000, max_threads = 1
