select tenant from counters where name = $1 order by tenant
