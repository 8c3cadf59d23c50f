DELETE FROM batches WHERE topic = {topic:String} AND partition = {partition:UInt32} AND epoch = {epoch:UInt8} AND first >= {from:UInt64}
