insert into changes (seq, tenant, changed_at, changed_by, what, of_what, detail) values ($1, $2, $3, $4, $5, $6, $7)
