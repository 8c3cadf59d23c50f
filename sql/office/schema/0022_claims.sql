-- The right to do one thing once, and what came of it where somebody asks. until_at is when a lease lapses; one of kind dial is never given to another.
create table claims (
    kind text not null,
    claim_key text not null,
    holder text not null,
    held_at bigint not null,
    until_at bigint,
    result text,
    primary key (kind, claim_key)
)
