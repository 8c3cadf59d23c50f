select seq, tenant, record_id, body from outbox where sent_at is null order by seq limit $1
