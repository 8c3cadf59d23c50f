-- What browsers hold, by the hash of their secrets.
create table sign_ins (
    secret_hash text not null primary key,
    login text not null,
    began_at bigint not null,
    seen_at bigint not null,
    ends_at bigint not null,
    agent text not null
)
