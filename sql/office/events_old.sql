-- Up to where events are older than a moment, so many at most.
select max(seq)
from (select seq from events where tenant = $1 and seq <= $2 and told_at < $3 order by seq limit $4) as old
