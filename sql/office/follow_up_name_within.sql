-- The first name that a customer's follow-up had between two moments ($3, $4), if it can be that of $5, which began at $6:
-- named when or after that began, or known to have had a call then, or told to have become it.
select name from follow_ups
where tenant = $1 and customer = $2 and named_at >= $3 and named_at < $4
    and (merged_into is null or merged_into = $5)
    and (named_at >= $6 or last_at >= $6 or merged_into = $5 or id = $5)
order by named_at, name
limit 1
