create index call_names_by_root on call_names (tenant, root)
