update positions set seq = $1, turn = turn + 1 where plugin = $2 and tenant = $3 and seq = $4 and turn = $5
