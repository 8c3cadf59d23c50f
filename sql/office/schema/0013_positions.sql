-- Up to where a plugin has heard; turn counts every commit, so that two that began from one state cannot both commit.
create table positions (
    plugin text not null,
    tenant text not null,
    seq bigint not null,
    turn bigint not null,
    primary key (plugin, tenant)
)
