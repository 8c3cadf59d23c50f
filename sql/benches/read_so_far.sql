-- Rows and bytes that the server has read so far for all questions.
SELECT sumIf(value, event = 'SelectedRows'), sumIf(value, event = 'SelectedBytes') FROM system.events
