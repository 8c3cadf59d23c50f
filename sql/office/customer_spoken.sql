insert into customers (tenant, number, spoken_at, dialed_at, spoken_call) values ($1, $2, $3, 0, $4)
on conflict (tenant, number) do update set spoken_at = excluded.spoken_at, spoken_call = excluded.spoken_call
where excluded.spoken_at > customers.spoken_at
