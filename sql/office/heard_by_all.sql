-- The last event of a tenant that every plugin has heard which is not off; none without such plugins.
select min(coalesce(q.seq, 0))
from plugins p
left join positions q on q.plugin = p.name and q.tenant = $1
where p.state <> 'off'
