update sign_ins set seen_at = $1 where secret_hash = $2
