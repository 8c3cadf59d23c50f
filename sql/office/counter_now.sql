select value from counters where tenant = $1 and name = $2
