select min(o.seq)
from plugins p
join outcomes o on o.plugin = p.name and o.tenant = $1 and o.status = 'later'
where p.state <> 'off'
