select tag from tags where tenant = $1 and id = $2 order by tag
