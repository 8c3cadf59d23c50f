-- Each try at an action.
create table attempts (
    action_key text not null,
    attempt bigint not null,
    tenant text not null,
    kind text not null,
    number text,
    holder text not null,
    started_at bigint not null,
    ended_at bigint,
    status text not null,
    detail text not null,
    call_id text,
    primary key (action_key, attempt)
)
