update tokens set used_at = $1 where secret_hash = $2
