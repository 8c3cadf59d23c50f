-- What programs hold, by the hash of their secrets.
create table tokens (
    secret_hash text not null primary key,
    token_id text not null,
    login text not null,
    name text not null,
    scopes text not null,
    created_at bigint not null,
    ends_at bigint,
    used_at bigint
)
