-- What a plugin keeps. A value is `t` and a text, or `x` and the hexadecimal digits of its bytes; value_bytes is its length before that.
create table plugin_state (
    plugin text not null,
    tenant text not null,
    state_key text not null,
    value text not null,
    key_bytes bigint not null,
    value_bytes bigint not null,
    primary key (plugin, tenant, state_key)
)
