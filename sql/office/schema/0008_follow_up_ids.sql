-- Every id under which the stream told a follow-up, and its name.
create table follow_up_ids (
    tenant text not null,
    id text not null,
    name text not null,
    primary key (tenant, id)
)
