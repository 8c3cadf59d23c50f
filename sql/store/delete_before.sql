DELETE FROM {table} WHERE topic = {topic:String} AND epoch < {epoch:UInt8}
