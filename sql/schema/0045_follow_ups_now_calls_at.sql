-- The same view as before, with the column that came to the table since.
CREATE OR REPLACE VIEW follow_ups_now AS SELECT * EXCEPT (version, content, merged_into) FROM follow_ups FINAL WHERE merged_into IS NULL
