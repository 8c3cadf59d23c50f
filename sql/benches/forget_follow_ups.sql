TRUNCATE TABLE follow_ups
