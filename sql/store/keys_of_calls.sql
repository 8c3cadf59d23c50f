SELECT tenant, call_id, keys FROM calls FINAL WHERE (tenant, call_id) IN arrayZip({tenants:Array(String)}, {ids:Array(String)})
