select token_id, login, name, scopes, created_at, ends_at, used_at from tokens where login = $1 order by created_at, token_id
