select result from claims where kind = $1 and claim_key = $2
