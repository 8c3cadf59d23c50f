select state_key from plugin_state
where plugin = $1 and tenant = $2 and substr(state_key, 1, length($3)) = $3 and state_key > $4
order by state_key
limit $5
