tenant = {tenant:String} AND (hasAny(groups, {scope_groups:Array(String)}) OR hasAny(people, {scope_people:Array(String)}) OR hasAny(queues, {scope_queues:Array(String)})
    OR call_id IN (SELECT arrayJoin(calls) FROM follow_ups FINAL WHERE tenant = {tenant:String} AND merged_into IS NULL AND (owner IN {scope_owners:Array(String)} OR dealt_by IN {scope_people:Array(String)})))
