select kind, claim_key, holder, held_at, until_at from claims where kind = $1 order by claim_key
