select seq, turn from positions where plugin = $1 and tenant = $2
