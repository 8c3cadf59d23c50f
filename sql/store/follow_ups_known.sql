-- Where follow-ups stand by what is stored of them, and up to which version: nowhere where they are none any more.
SELECT
    tenant, follow_up_id,
    if(merged_into IS NULL, toInt64(floor(toUnixTimestamp64Milli(opened_at) / 900000)), {nowhere:Int64}) AS quarter,
    max(version)
FROM follow_ups
WHERE (tenant, follow_up_id) IN arrayZip({tenants:Array(String)}, {ids:Array(String)})
GROUP BY tenant, follow_up_id, quarter
