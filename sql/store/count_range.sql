-- What the tables of facts have of one range of the log; a row that is there twice counts once.
SELECT
    (SELECT uniqExact(position, part) FROM legs WHERE topic = {topic:String} AND partition = {partition:UInt32} AND epoch = {epoch:UInt8} AND position >= {first:UInt64} AND position < {next:UInt64}),
    (SELECT uniqExact(position, part) FROM marks WHERE topic = {topic:String} AND partition = {partition:UInt32} AND epoch = {epoch:UInt8} AND position >= {first:UInt64} AND position < {next:UInt64}),
    (SELECT uniqExact(position, part) FROM rejects WHERE topic = {topic:String} AND partition = {partition:UInt32} AND epoch = {epoch:UInt8} AND position >= {first:UInt64} AND position < {next:UInt64}),
    (SELECT uniqExact(first) FROM batches WHERE topic = {topic:String} AND partition = {partition:UInt32} AND epoch = {epoch:UInt8} AND first = {first:UInt64} AND next = {next:UInt64})
