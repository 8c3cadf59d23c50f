select value from plugin_state where plugin = $1 and tenant = $2 and state_key = $3
