delete from claims where kind = $1 and claim_key in (
    select old.claim_key from claims old where old.kind = $1 and old.until_at < $2 order by old.until_at limit $3
)
