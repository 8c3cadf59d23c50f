-- What became of an event in a plugin.
create table outcomes (
    plugin text not null,
    tenant text not null,
    event_id text not null,
    seq bigint not null,
    status text not null,
    attempts bigint not null,
    due_at bigint,
    detail text not null,
    handled_at bigint not null,
    primary key (plugin, tenant, event_id)
)
