create index sign_ins_by_login on sign_ins (login)
