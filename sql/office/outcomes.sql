select event_id, seq, status, attempts, due_at, detail from outcomes
where plugin = $1 and tenant = $2 and status = $3 and seq < $4
order by seq desc
limit $5
