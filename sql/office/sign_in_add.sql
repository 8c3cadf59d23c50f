insert into sign_ins (secret_hash, login, began_at, seen_at, ends_at, agent) values ($1, $2, $3, $3, $4, $5)
