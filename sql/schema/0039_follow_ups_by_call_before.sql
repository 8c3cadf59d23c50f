-- The follow-ups that were concluded before they were found by their calls.
INSERT INTO follow_ups_by_call SELECT tenant, arrayJoin(calls) AS call_id, follow_up_id FROM follow_ups
