-- What people and plugins said of one thing that is owed, in order, each record once: under its id of today, and under the name that it had first.
SELECT said_id, kind, at, said_by, status, why, detail
FROM
(
    SELECT
        JSONExtractString(value, 'id') AS said_id,
        marks.kind AS kind,
        coalesce(parseDateTime64BestEffortOrNull(JSONExtractString(value, 'at'), 3, 'UTC'), logged_at) AS at,
        nullIf(JSONExtractString(value, 'by'), '') AS said_by,
        nullIf(JSONExtractString(value, 'status'), '') AS status,
        nullIf(JSONExtractString(value, 'why'), '') AS why,
        nullIf(JSONExtractString(value, 'detail'), '') AS detail
    FROM marks FINAL
    WHERE tenant = {tenant:String} AND adapter = 'ringback' AND marks.kind IN ('claim', 'settlement', 'reopening', 'note')
        AND subject IN {names:Array(String)}
)
WHERE {id:String} IN (SELECT follow_up_id FROM follow_ups FINAL WHERE %follow_ups in scope% AND merged_into IS NULL AND follow_up_id = {id:String})
ORDER BY at, said_id
LIMIT 1 BY said_id
LIMIT {limit:UInt64}
