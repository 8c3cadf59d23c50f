insert into schema_files (name, statement) values ($1, $2)
