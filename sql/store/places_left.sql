-- Places below the owner of now where calls still stand that have a later place, or that are no calls: of calls that have more than one
-- place, and of those that were put somewhere since a version, and are not among the calls.
WITH
    of_several AS
    (
        SELECT call_id FROM call_places WHERE tenant = {tenant:String} GROUP BY call_id HAVING uniqExact(quarter) > 1 AND max(version) >= {since:UInt64}
    ),
    of_none AS
    (
        SELECT call_id FROM call_places
        WHERE tenant = {tenant:String} AND version >= {since:UInt64} AND version <= {begun:UInt64}
            AND call_id NOT IN (SELECT call_id FROM calls FINAL WHERE tenant = {tenant:String} AND merged_into IS NULL AND version >= {since:UInt64})
    )
SELECT quarter, call_id
FROM
(
    SELECT
        quarter, call_id, version,
        call_id IN (SELECT call_id FROM of_none) AS is_none,
        max(version) OVER (PARTITION BY call_id) AS latest
    FROM calls_by_time FINAL
    WHERE tenant = {tenant:String} AND NOT is_gone AND (quarter, call_id) IN
    (
        SELECT quarter, call_id FROM call_places
        WHERE tenant = {tenant:String} AND (call_id IN (SELECT call_id FROM of_several) OR call_id IN (SELECT call_id FROM of_none))
    )
)
WHERE version <= {begun:UInt64} AND (is_none OR version < latest)
