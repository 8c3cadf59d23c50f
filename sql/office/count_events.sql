-- What each plugin that is not off has not heard yet.
select p.name, c.tenant, c.value - coalesce(q.seq, 0)
from plugins p
join counters c on c.name = 'events'
left join positions q on q.plugin = p.name and q.tenant = c.tenant
where p.state <> 'off'
order by p.name, c.tenant
