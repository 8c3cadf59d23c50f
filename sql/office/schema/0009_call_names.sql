-- Calls that were told under several names: those with one root are one call.
create table call_names (
    tenant text not null,
    id text not null,
    root text not null,
    primary key (tenant, id)
)
