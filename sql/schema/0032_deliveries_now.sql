-- The same, each record once, as it was stored first.
CREATE OR REPLACE VIEW deliveries_now AS
SELECT
    tenant,
    JSONExtractString(value, 'id') AS delivery_id,
    JSONExtractString(value, 'action') AS action_key,
    splitByChar(':', action_key)[1] AS kind,
    JSONExtractString(value, 'status') AS status,
    coalesce(parseDateTime64BestEffortOrNull(JSONExtractString(value, 'at'), 3, 'UTC'), logged_at) AS at,
    nullIf(JSONExtractString(value, 'by'), '') AS asked_by,
    nullIf(subject, '') AS follow_up_id,
    nullIf(JSONExtractString(value, 'customer'), '') AS customer,
    nullIf(JSONExtractString(value, 'call'), '') AS call_id,
    nullIf(JSONExtractString(value, 'detail'), '') AS detail,
    logged_at
FROM
(
    SELECT tenant, subject, value, logged_at
    FROM marks FINAL
    WHERE adapter = 'ringback' AND marks.kind = 'delivery'
    ORDER BY tenant, topic, partition, epoch, position, part
    LIMIT 1 BY tenant, JSONExtractString(value, 'id')
)
