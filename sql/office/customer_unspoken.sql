update customers set spoken_at = 0, spoken_call = null where tenant = $1 and number = $2 and spoken_call = $3
