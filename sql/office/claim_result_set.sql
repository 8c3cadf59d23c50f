update claims set result = $1 where kind = $2 and claim_key = $3 and holder = $4
