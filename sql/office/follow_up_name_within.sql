-- The first name that a customer's follow-ups had between two moments ($3, $4), if it can be that of $5, which began at $6:
-- named when or after that began, or known to have had a call when or after that began. Its own of today comes before all others.
select name from follow_ups
where tenant = $1 and customer = $2 and named_at >= $3 and named_at < $4
    and (merged_into is null or merged_into = $5)
    and (id = $5 or named_at >= $6 or last_at >= $6)
order by case when id = $5 then 0 else 1 end, named_at, name
limit 1
