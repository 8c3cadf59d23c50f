insert into sign_in_failures (of_whom, failed_at) values ($1, $2)
