-- What somebody asked for and nobody has begun.
update actions set status = 'held', reason = $1 where asked_by = $2 and status = 'due'
