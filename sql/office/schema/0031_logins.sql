-- Ways to sign in.
create table logins (
    login text not null primary key,
    tenant text not null,
    role text not null,
    person text,
    given_groups text not null,
    language text,
    password_hash text,
    is_disabled bigint not null,
    version bigint not null,
    created_at bigint not null,
    changed_at bigint not null,
    changed_by text not null,
    signed_in_at bigint
)
