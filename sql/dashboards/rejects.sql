-- What was not understood, the latest first, with its bytes.
SELECT pbx, adapter, source, logged_at, file, record, byte, reason, base64Encode(bytes) AS bytes_base64, bytes_total
FROM rejects FINAL
WHERE %facts in scope%
ORDER BY rejects.logged_at DESC, topic, partition, epoch, position DESC, part DESC
LIMIT {limit:UInt64}
