create table timers (
    plugin text not null,
    tenant text not null,
    name text not null,
    timer_key text not null,
    due_at bigint not null,
    payload text not null,
    primary key (plugin, tenant, name)
)
