update actions set due_at = $1, reason = $2 where action_key = $3 and status = 'due'
