INSERT INTO schema_migrations SELECT {name:String}, {hash:UInt64}
