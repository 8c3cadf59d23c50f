-- Bytes of keys and values together.
select cast(coalesce(sum(key_bytes + value_bytes), 0) as bigint) from plugin_state where plugin = $1 and tenant = $2
