-- When somebody last spoke with a number, and when it was last dialed by us; 0 is never.
create table customers (
    tenant text not null,
    number text not null,
    spoken_at bigint not null,
    dialed_at bigint not null,
    primary key (tenant, number)
)
