update actions set status = $1, reason = $2, due_at = $3, call_id = coalesce($4, call_id) where action_key = $5
