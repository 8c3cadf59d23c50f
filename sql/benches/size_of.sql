-- Rows of a table, and its bytes on the disk.
SELECT sum(rows), sum(bytes_on_disk), count() FROM system.parts WHERE database = currentDatabase() AND table = {table:String} AND active
