create index follow_ups_by_customer on follow_ups (tenant, customer, named_at)
