-- Materialized views that read a table of facts, beside the ledger's.
SELECT v.database || '.' || v.name AS view, f.name AS fact
FROM (SELECT database, name, create_table_query FROM system.tables WHERE engine = 'MaterializedView') AS v
CROSS JOIN (SELECT arrayJoin(['legs', 'marks', 'rejects', 'batches']) AS name) AS f
WHERE match(v.create_table_query, '\\b(FROM|JOIN) (`?' || currentDatabase() || '`?\\.)' || if(v.database = currentDatabase(), '?', '') || '`?' || f.name || '`?\\b')
    AND NOT (v.database = currentDatabase() AND v.name = 'ledger_of_' || f.name)
ORDER BY view, fact
