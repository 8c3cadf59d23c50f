SELECT table, name, type FROM system.columns WHERE database = currentDatabase() AND table IN ('legs', 'marks', 'rejects', 'batches') ORDER BY table, position
