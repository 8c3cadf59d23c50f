-- When somebody last spoke with a number and in which call, and when it was last dialed by us; 0 is never.
create table customers (
    tenant text not null,
    number text not null,
    spoken_at bigint not null,
    dialed_at bigint not null,
    spoken_call text,
    primary key (tenant, number)
)
