-- Tells follow-ups again that by what is stored of them stand at a place where they do not: somebody died between the two tables.
-- The version is that below which earlier owners concluded, so whatever the owner of now says counts more.
INSERT INTO follow_ups
WITH lately AS
(
    SELECT follow_up_id FROM follow_ups WHERE tenant = {tenant:String} AND version >= {since:UInt64}
    UNION ALL
    SELECT follow_up_id FROM follow_ups_by_time WHERE tenant = {tenant:String} AND version >= {since:UInt64}
)
SELECT * REPLACE ({begun:UInt64} AS version)
FROM follow_ups FINAL
WHERE tenant = {tenant:String} AND merged_into IS NULL AND version <= {begun:UInt64} AND follow_up_id IN (SELECT follow_up_id FROM lately)
    AND (toInt64(floor(toUnixTimestamp64Milli(opened_at) / 900000)), follow_up_id) NOT IN
    (
        SELECT quarter, follow_up_id FROM follow_ups_by_time FINAL
        WHERE tenant = {tenant:String} AND NOT is_gone AND follow_up_id IN (SELECT follow_up_id FROM lately)
    )
SETTINGS max_partitions_per_insert_block = 0
