select name from follow_up_ids where tenant = $1 and id = $2
