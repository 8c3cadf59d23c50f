-- Notifications that wait in a person's cabinet.
create table messages (
    tenant text not null,
    seq bigint not null,
    person text not null,
    message_text text not null,
    written_at bigint not null,
    read_at bigint,
    action_key text not null,
    primary key (tenant, seq)
)
