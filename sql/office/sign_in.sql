select login, began_at, seen_at, ends_at, agent from sign_ins where secret_hash = $1
