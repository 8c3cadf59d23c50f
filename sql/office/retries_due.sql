select
    e.seq, e.event_id, e.kind, e.happened_at, e.told_at, e.body, e.follow_up, e.call_id, e.plugin, o.attempts
from outcomes o
join events e on e.tenant = o.tenant and e.event_id = o.event_id
where o.plugin = $1 and o.tenant = $2 and o.status = 'later' and o.due_at <= $3
order by o.due_at, o.seq
limit $4
