-- Who changed what, and when.
create table changes (
    seq bigint not null primary key,
    tenant text not null,
    changed_at bigint not null,
    changed_by text not null,
    what text not null,
    of_what text not null,
    detail text not null
)
