delete from sign_ins where login = $1
