delete from sign_ins where ends_at <= $1
