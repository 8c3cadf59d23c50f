SELECT max(version)
FROM
(
    SELECT max(version) AS version FROM calls WHERE tenant = {tenant:String}
    UNION ALL SELECT max(version) FROM verdicts WHERE tenant = {tenant:String}
    UNION ALL SELECT max(version) FROM follow_ups WHERE tenant = {tenant:String}
    UNION ALL SELECT max(version) FROM windows WHERE tenant = {tenant:String}
)
