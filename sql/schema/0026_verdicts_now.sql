-- Each call's current verdict, with its number among the different ones that the call had: the same verdict concluded again is no revision.
CREATE OR REPLACE VIEW verdicts_now AS
SELECT *
FROM
(
    SELECT *, uniqExact((outcome, missed, reason, rule, is_final)) OVER (PARTITION BY tenant, call_id) AS revision
    FROM verdicts FINAL
    QUALIFY row_number() OVER (PARTITION BY tenant, call_id ORDER BY version DESC) = 1
)
WHERE merged_into IS NULL
