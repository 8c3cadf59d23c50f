select token_id, login, name, scopes, created_at, ends_at, used_at from tokens where secret_hash = $1
