insert into tokens (secret_hash, token_id, login, name, scopes, created_at, ends_at) values ($1, $2, $3, $4, $5, $6, $7)
