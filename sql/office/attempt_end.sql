update attempts set ended_at = $1, status = $2, detail = $3, call_id = coalesce($4, call_id)
where action_key = $5 and attempt = $6
