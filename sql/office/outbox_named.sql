select seq, body from outbox where tenant = $1 and record_id >= $2 and record_id < $3
