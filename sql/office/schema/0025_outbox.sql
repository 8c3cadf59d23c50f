-- What is to be sent to the log of a tenant, in order; sent_at is set when the log has it.
create table outbox (
    seq bigint not null,
    tenant text not null,
    record_id text not null,
    body text not null,
    written_at bigint not null,
    sent_at bigint,
    primary key (seq),
    unique (tenant, record_id)
)
