delete from outbox where seq in (select seq from outbox where sent_at < $1 order by seq limit $2)
