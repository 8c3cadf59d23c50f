-- The visits of each call's highest version.
CREATE OR REPLACE VIEW visits_now AS
SELECT v.* EXCEPT (version)
FROM visits AS v FINAL
INNER JOIN
(
    SELECT tenant, call_id, version FROM calls FINAL WHERE merged_into IS NULL
) AS c ON v.tenant = c.tenant AND v.call_id = c.call_id AND v.version = c.version
