select seq, changed_at, changed_by, what, of_what, detail from changes where tenant = $1 and seq < $2 order by seq desc limit $3
