-- Written by the insert itself.
CREATE MATERIALIZED VIEW IF NOT EXISTS follow_ups_by_call_told TO follow_ups_by_call AS
SELECT tenant, arrayJoin(calls) AS call_id, follow_up_id FROM follow_ups
