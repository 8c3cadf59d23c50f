-- What was asked for. asked_by is plugin:NAME or person:ID.
create table actions (
    action_key text not null,
    tenant text not null,
    kind text not null,
    asked_by text not null,
    event_id text not null,
    follow_up text,
    customer text,
    body text not null,
    status text not null,
    reason text not null,
    due_at bigint not null,
    expires_at bigint,
    asked_at bigint not null,
    attempts bigint not null,
    call_id text,
    primary key (action_key)
)
