-- Written by the insert itself.
CREATE MATERIALIZED VIEW IF NOT EXISTS call_places_of_calls TO call_places AS
SELECT tenant, call_id, quarter, version FROM calls_by_time
