insert into plugin_state (plugin, tenant, state_key, value, key_bytes, value_bytes) values ($1, $2, $3, $4, $5, $6)
on conflict (plugin, tenant, state_key) do update set value = excluded.value, value_bytes = excluded.value_bytes
