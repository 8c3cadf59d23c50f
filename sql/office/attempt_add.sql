insert into attempts (action_key, attempt, tenant, kind, number, holder, started_at, ended_at, status, detail, call_id)
values ($1, $2, $3, $4, $5, $6, $7, null, 'claimed', '', null)
