select count(*) from outbox where sent_at is null
