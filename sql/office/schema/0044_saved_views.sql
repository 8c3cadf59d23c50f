-- Filters that people saved, each by its number within its company; query_text is the query of the page's address.
create table saved_views (
    tenant text not null,
    view_id bigint not null,
    login text not null,
    page text not null,
    name text not null,
    query_text text not null,
    is_shared bigint not null,
    version bigint not null,
    created_at bigint not null,
    changed_at bigint not null,
    changed_by text not null,
    primary key (tenant, view_id)
)
