update counters set value = $1 where tenant = $2 and name = $3
