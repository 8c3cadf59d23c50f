-- The last mark of each subject that one partition stored before a position of an epoch.
SELECT {columns}
FROM
(
    SELECT *
    FROM marks
    WHERE topic = {topic:String} AND partition = {partition:UInt32} AND (epoch < {epoch:UInt8} OR epoch = {epoch:UInt8} AND position < {before:UInt64}) AND kind = {kind:String}
    ORDER BY epoch DESC, position DESC, part DESC
    LIMIT 1 BY tenant, pbx, adapter, source, subject
)
