select attempt, number, holder, started_at, ended_at, status, detail, call_id from attempts
where action_key = $1
order by attempt
