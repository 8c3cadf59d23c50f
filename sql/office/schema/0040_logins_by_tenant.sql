create index logins_by_tenant on logins (tenant, login)
