insert into claims (kind, claim_key, holder, held_at, until_at) values ($1, $2, $3, $4, $5)
on conflict (kind, claim_key) do nothing
returning holder
