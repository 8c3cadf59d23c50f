create index logins_by_person on logins (tenant, person)
