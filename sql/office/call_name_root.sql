select root from call_names where tenant = $1 and id = $2
