create index outbox_by_sent on outbox (sent_at, seq)
