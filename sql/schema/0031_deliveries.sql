-- What became of actions, as the engine's own records tell it: a row for each try at one, and for what ended it.
-- A record that came twice is there twice.
CREATE OR REPLACE VIEW deliveries AS
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
    SELECT tenant, subject, value, logged_at FROM marks WHERE adapter = 'ringback' AND marks.kind = 'delivery'
)
