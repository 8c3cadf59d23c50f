select seq, event_id, kind, happened_at, told_at, body, follow_up, call_id, plugin from events
where tenant = $1 and seq > $2
order by seq
limit $3
