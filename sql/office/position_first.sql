insert into positions (plugin, tenant, seq, turn) values ($1, $2, $3, 1)
on conflict (plugin, tenant) do nothing
