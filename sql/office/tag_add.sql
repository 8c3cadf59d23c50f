insert into tags (tenant, id, tag, tagged_at, tagged_by) values ($1, $2, $3, $4, $5)
on conflict (tenant, id, tag) do nothing
