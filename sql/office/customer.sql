select spoken_at, dialed_at from customers where tenant = $1 and number = $2
