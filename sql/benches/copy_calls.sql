-- Copies of all calls: weeks earlier, under other ids, with other customers. What would be older than the first day comes at the end.
-- Three columns that no first page reads stay empty: they would take most of the disk.
INSERT INTO calls_by_time
WITH
    id -> lower(hex(sipHash128(id, copy))) AS named,
    if({last:Int64} - toUnixTimestamp64Milli(started_at) + {earlier_ms:Int64} >= {span_ms:Int64}, {span_ms:Int64}, 0) - {earlier_ms:Int64} AS later_ms,
    at -> fromUnixTimestamp64Milli(toUnixTimestamp64Milli(at) + later_ms, 'UTC') AS moved,
    number -> if(length(ifNull(number, '')) >= 9, concat(substring(ifNull(number, ''), 1, length(ifNull(number, '')) - 7), leftPad(toString(cityHash64(number, intDiv(copy, 4)) % 10000000), 7, '0')), number) AS another
SELECT * EXCEPT (copy) REPLACE (
    quarter + intDiv(later_ms, 900000) AS quarter,
    named(call_id) AS call_id,
    [] AS link_keys, [] AS evidence, [] AS records,
    moved(started_at) AS started_at, moved(queued_at) AS queued_at, moved(rang_at) AS rang_at,
    moved(answered_at) AS answered_at, moved(ended_at) AS ended_at,
    if(direction = 'inbound', another(caller), caller) AS caller,
    if(direction = 'inbound', another(caller_raw), caller_raw) AS caller_raw,
    if(direction = 'outbound', another(dialed), dialed) AS dialed,
    another(customer) AS customer)
FROM kept_calls CROSS JOIN (SELECT number AS copy FROM numbers({copy:UInt64}, {copies:UInt64})) AS copies
SETTINGS max_partitions_per_insert_block = 0, min_insert_block_size_rows = 2000000, min_insert_block_size_bytes = 4000000000, max_threads = 1
