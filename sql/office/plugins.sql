select name, version, sha256, state, installed_at, changed_at, changed_by, note from plugins order by name
