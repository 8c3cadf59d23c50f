select plugin, tenant, name, due_at, payload from timers where due_at <= $1 order by due_at, plugin, tenant, name limit $2
