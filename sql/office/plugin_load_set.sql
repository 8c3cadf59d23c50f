insert into plugin_loads (name, told_at, body) values ($1, $2, $3)
on conflict (name) do update set told_at = excluded.told_at, body = excluded.body
