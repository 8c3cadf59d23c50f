select count(*) from sign_in_failures where of_whom = $1 and failed_at > $2
