insert into customers (tenant, number, spoken_at, dialed_at) values ($1, $2, $3, 0)
on conflict (tenant, number) do update set spoken_at = excluded.spoken_at
where excluded.spoken_at > customers.spoken_at
