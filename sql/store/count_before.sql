-- What earlier readings of a log left in a table of facts. The name of the table is put in before.
SELECT count() FROM {table} WHERE topic = {topic:String} AND epoch < {epoch:UInt8}
