select cast(coalesce(sum(
    (select count(*) from outcomes o where o.plugin = p.name and o.tenant = c.tenant and o.status = 'later')
), 0) as bigint)
from plugins p
join counters c on c.name = 'events'
