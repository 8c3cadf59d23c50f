DELETE FROM legs WHERE topic = {topic:String} AND partition = {partition:UInt32} AND epoch = {epoch:UInt8} AND position >= {from:UInt64}
