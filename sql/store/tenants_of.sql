-- Companies with facts that some readings of a partition stored.
SELECT DISTINCT tenant
FROM
(
    SELECT tenant FROM legs WHERE topic = {topic:String} AND partition = {partition:UInt32} AND epoch >= {from:UInt16} AND epoch < {to:UInt16}
    UNION ALL SELECT tenant FROM marks WHERE topic = {topic:String} AND partition = {partition:UInt32} AND epoch >= {from:UInt16} AND epoch < {to:UInt16}
    UNION ALL SELECT tenant FROM rejects WHERE topic = {topic:String} AND partition = {partition:UInt32} AND epoch >= {from:UInt16} AND epoch < {to:UInt16}
)
ORDER BY tenant
