create table plugins (
    name text not null,
    version text not null,
    sha256 text not null,
    state text not null,
    installed_at bigint not null,
    changed_at bigint not null,
    changed_by text not null,
    note text not null,
    primary key (name)
)
