insert into call_names (tenant, id, root) values ($1, $2, $3)
on conflict (tenant, id) do update set root = excluded.root
