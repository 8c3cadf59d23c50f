SELECT name, hash FROM schema_migrations FINAL ORDER BY name
