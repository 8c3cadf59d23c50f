select told_at, body from plugin_loads where name = $1
