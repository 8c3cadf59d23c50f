select number from attempts where action_key = $1 and attempt = $2
