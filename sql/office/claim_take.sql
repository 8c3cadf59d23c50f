-- Nobody's, one's own, or one that has lapsed.
insert into claims (kind, claim_key, holder, held_at, until_at) values ($1, $2, $3, $4, $5)
on conflict (kind, claim_key) do update set
    held_at = case when claims.holder = excluded.holder then claims.held_at else excluded.held_at end,
    holder = excluded.holder,
    until_at = excluded.until_at
where claims.holder = excluded.holder or claims.until_at <= excluded.held_at
returning holder
