-- Whether this was told of a call under any of its other names.
select seq from events
where tenant = $1 and kind = $2
    and (call_id = $3 or call_id in (select id from call_names where tenant = $1 and root = $3))
limit 1
