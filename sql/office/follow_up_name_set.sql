insert into follow_up_ids (tenant, id, name) values ($1, $2, $3)
on conflict (tenant, id) do update set name = excluded.name
