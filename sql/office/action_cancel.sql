update actions set status = 'canceled', reason = 'canceled by who asked for it'
where action_key = $1 and asked_by = $2 and tenant = $3 and status in ('due', 'dry', 'held')
