insert into plugins (name, version, sha256, state, installed_at, changed_at, changed_by, note)
values ($1, $2, $3, $4, $5, $5, $6, $7)
on conflict (name) do update set
    version = excluded.version,
    sha256 = excluded.sha256,
    state = excluded.state,
    changed_at = excluded.changed_at,
    changed_by = excluded.changed_by,
    note = excluded.note
