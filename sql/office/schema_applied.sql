select name, statement from schema_files order by name
