create index outbox_unsent on outbox (seq) where sent_at is null
