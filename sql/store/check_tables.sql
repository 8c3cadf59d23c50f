SELECT name, engine, create_table_query FROM system.tables WHERE database = currentDatabase()
