create index tokens_by_login on tokens (login)
