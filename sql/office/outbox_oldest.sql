-- When the first record was written that its log does not have yet.
select written_at from outbox where sent_at is null order by seq limit 1
