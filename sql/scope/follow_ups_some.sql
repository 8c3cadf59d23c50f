tenant = {tenant:String} AND (owner IN {scope_owners:Array(String)} OR dealt_by IN {scope_people:Array(String)} OR follow_up_id IN
(
    SELECT follow_up_id FROM (SELECT follow_up_id, arrayJoin(calls) AS id FROM follow_ups_by_time FINAL WHERE tenant = {tenant:String} AND NOT is_gone AND %owed asked%)
    WHERE id IN
    (
        SELECT call_id FROM calls_by_time FINAL
        WHERE %calls in scope% AND NOT is_gone AND (missed OR answered = 'unanswered') AND (quarter, call_id) IN
        (
            SELECT toInt64(floor(toUnixTimestamp64Milli(one.2) / 900000)), one.1
            FROM (SELECT arrayJoin(arrayZip(calls, calls_at)) AS one FROM follow_ups_by_time FINAL WHERE tenant = {tenant:String} AND NOT is_gone AND %owed asked%)
        )
    )
))
