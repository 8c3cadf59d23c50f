-- What plugins hear, in the order in which they hear it; plugin is set where only that one does.
create table events (
    tenant text not null,
    seq bigint not null,
    event_id text not null,
    kind text not null,
    happened_at bigint not null,
    told_at bigint not null,
    body text not null,
    follow_up text,
    call_id text,
    plugin text,
    primary key (tenant, seq)
)
