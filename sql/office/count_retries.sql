select count(*)
from plugins p
join counters c on c.name = 'events'
join outcomes o on o.plugin = p.name and o.tenant = c.tenant and o.status = 'later'
