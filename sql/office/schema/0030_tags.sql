-- Tags of calls and follow-ups.
create table tags (
    tenant text not null,
    id text not null,
    tag text not null,
    tagged_at bigint not null,
    tagged_by text not null,
    primary key (tenant, id, tag)
)
