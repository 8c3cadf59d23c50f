insert into outbox (seq, tenant, record_id, body, written_at, sent_at) values ($1, $2, $3, $4, $5, null)
on conflict (tenant, record_id) do nothing
returning seq
