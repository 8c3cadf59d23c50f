-- Up to where the batches of earlier epochs reach.
SELECT max(next) FROM batches WHERE topic = {topic:String} AND partition = {partition:UInt32} AND epoch < {epoch:UInt8}
