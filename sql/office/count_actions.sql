select kind, status, count(*) from actions group by kind, status order by kind, status
