-- What of a follow-up is not in the line of a call.
ALTER TABLE follow_ups
    ADD COLUMN IF NOT EXISTS `last_at` DateTime64(3, 'UTC') DEFAULT opened_at COMMENT 'When the last of its missed calls began.',
    ADD COLUMN IF NOT EXISTS `closed_at` Nullable(DateTime64(3, 'UTC')) COMMENT 'When it was settled or expired.',
    ADD COLUMN IF NOT EXISTS `priority` UInt8 COMMENT 'How soon it should be dealt with, 0 to 100; of equal ones the one opened first.',
    ADD COLUMN IF NOT EXISTS `why` Nullable(String) COMMENT 'Why somebody settled it by hand; or withheld, do_not_call, fax: why it is not returnable.',
    ADD COLUMN IF NOT EXISTS `dealt_by` Nullable(String) COMMENT 'Who deals with it now.',
    ADD COLUMN IF NOT EXISTS `dealt_until` Nullable(DateTime64(3, 'UTC')) COMMENT 'When their claim lapses.'
