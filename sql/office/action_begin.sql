update actions set status = 'claimed', attempts = $1 where action_key = $2
