insert into customers (tenant, number, spoken_at, dialed_at) values ($1, $2, 0, $3)
on conflict (tenant, number) do update set dialed_at = excluded.dialed_at
where excluded.dialed_at > customers.dialed_at
