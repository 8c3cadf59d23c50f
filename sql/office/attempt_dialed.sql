update attempts set status = 'dialed', call_id = coalesce($1, call_id) where action_key = $2 and attempt = $3
