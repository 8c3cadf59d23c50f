-- Asked in the database `default`: a server refuses every statement in a database that is not there.
CREATE DATABASE IF NOT EXISTS {database:Identifier}
