insert into logins (
    login, tenant, role, person, given_groups, language, password_hash, is_disabled, version, created_at, changed_at, changed_by
)
values ($1, $2, $3, $4, $5, $6, $7, 0, 1, $8, $8, $9)
on conflict (login) do nothing
returning login
