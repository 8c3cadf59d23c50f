delete from sign_ins
where login = $1 and secret_hash not in (
    select latest.secret_hash from sign_ins latest where latest.login = $1
    order by latest.seen_at desc, latest.began_at desc, latest.secret_hash
    limit $2
)
