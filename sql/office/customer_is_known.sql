-- Something was ever owed to them, or they were dialed.
select 1 from follow_ups where tenant = $1 and customer = $2
union all
select 1 from customers where tenant = $1 and number = $2
limit 1
