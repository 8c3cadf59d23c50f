delete from sign_ins where secret_hash = $1
