select seq, person, message_text, written_at, read_at, action_key from messages
where tenant = $1 and person = $2 and seq < $3
order by seq desc
limit $4
