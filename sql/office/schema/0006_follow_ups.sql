-- The state of each follow-up under the name that it had first. named_at is when its opening call began, as first seen.
create table follow_ups (
    tenant text not null,
    name text not null,
    id text not null,
    customer text,
    named_at bigint not null,
    opened_at bigint not null,
    closed_at bigint,
    last_at bigint not null,
    status text not null,
    owner text,
    due_at bigint,
    our_attempts bigint not null,
    customer_calls bigint not null,
    version bigint not null,
    merged_into text,
    settled_at bigint,
    settled_by text,
    settled_why text,
    primary key (tenant, name)
)
