select
    login, tenant, role, person, given_groups, language, password_hash, is_disabled, version, created_at, changed_at, changed_by,
    signed_in_at
from logins
where tenant = $1
order by login
