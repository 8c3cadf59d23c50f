-- Each call's current verdict, with its number among those that the call had.
CREATE OR REPLACE VIEW verdicts_now AS
SELECT *
FROM
(
    SELECT *, row_number() OVER (PARTITION BY tenant, call_id ORDER BY version) AS revision FROM verdicts FINAL
)
WHERE merged_into IS NULL
QUALIFY row_number() OVER (PARTITION BY tenant, call_id ORDER BY version DESC) = 1
