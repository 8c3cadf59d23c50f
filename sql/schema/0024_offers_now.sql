-- The offers of each call's highest version: a version with fewer offers leaves none of an older one behind.
CREATE OR REPLACE VIEW offers_now AS
SELECT o.* EXCEPT (version)
FROM offers AS o FINAL
INNER JOIN
(
    SELECT tenant, call_id, version FROM calls FINAL WHERE merged_into IS NULL
) AS c ON o.tenant = c.tenant AND o.call_id = c.call_id AND o.version = c.version
