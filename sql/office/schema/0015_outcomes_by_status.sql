create index outcomes_by_status on outcomes (plugin, tenant, status, seq)
