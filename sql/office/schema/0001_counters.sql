-- Numbers that count on without a gap: changed in the transaction that uses them.
create table counters (
    tenant text not null,
    name text not null,
    value bigint not null,
    primary key (tenant, name)
)
