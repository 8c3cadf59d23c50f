-- What came of loading a plugin the last time, told by the process that runs it: body is JSON for people.
create table plugin_loads (
    name text not null,
    told_at bigint not null,
    body text not null,
    primary key (name)
)
