-- Takes follow-ups away from places below the owner of now where they stand still, though by what is stored of them they stand elsewhere,
-- or are none any more: of those that were told since a version.
INSERT INTO follow_ups_by_time (tenant, quarter, follow_up_id, version, is_gone)
WITH lately AS
(
    SELECT follow_up_id FROM follow_ups WHERE tenant = {tenant:String} AND version >= {since:UInt64}
    UNION ALL
    SELECT follow_up_id FROM follow_ups_by_time WHERE tenant = {tenant:String} AND version >= {since:UInt64}
)
SELECT {tenant:String}, quarter, follow_up_id, {begun:UInt64}, true
FROM follow_ups_by_time FINAL
WHERE tenant = {tenant:String} AND NOT is_gone AND version <= {begun:UInt64} AND follow_up_id IN (SELECT follow_up_id FROM lately)
    AND (quarter, follow_up_id) NOT IN
    (
        SELECT toInt64(floor(toUnixTimestamp64Milli(opened_at) / 900000)), follow_up_id FROM follow_ups FINAL
        WHERE tenant = {tenant:String} AND merged_into IS NULL AND follow_up_id IN (SELECT follow_up_id FROM lately)
    )
SETTINGS max_partitions_per_insert_block = 0
