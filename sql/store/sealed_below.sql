-- The log's clock at the last batch of a partition that ends at a position or before, in milliseconds since 1970.
SELECT toUnixTimestamp64Milli(sealed_at)
FROM batches
WHERE topic = {topic:String} AND partition = {partition:UInt32} AND epoch <= {epoch:UInt8} AND next <= {below:UInt64}
ORDER BY epoch DESC, next DESC
LIMIT 1
