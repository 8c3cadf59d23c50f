delete from sign_in_failures where failed_at <= $1
