select secret_hash, began_at, seen_at, ends_at, agent from sign_ins
where login = $1 and ends_at > $2
order by seen_at desc, secret_hash
