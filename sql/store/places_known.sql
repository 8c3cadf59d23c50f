-- Where calls have stood in the order of time, and up to which version.
SELECT tenant, call_id, quarter, max(version)
FROM call_places
WHERE (tenant, call_id) IN arrayZip({tenants:Array(String)}, {ids:Array(String)})
GROUP BY tenant, call_id, quarter
