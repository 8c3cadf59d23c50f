delete from outbox where seq in (select seq from outbox where sent_at < $1 order by sent_at, seq limit $2)
