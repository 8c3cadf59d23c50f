-- Follow-ups are found by time alone: what an earlier version kept to find them by their calls goes, and is not written any more.
DROP TABLE IF EXISTS follow_ups_by_call_told, follow_ups_by_call SYNC
