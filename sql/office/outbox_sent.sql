update outbox set sent_at = $1 where seq = $2 and sent_at is null
