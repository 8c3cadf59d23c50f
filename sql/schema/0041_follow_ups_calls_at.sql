-- When each of a follow-up's calls began. Of one that was concluded before there was this column, the moments of the first and the last
-- are known; those between are taken to have begun with the first.
ALTER TABLE follow_ups
    ADD COLUMN IF NOT EXISTS `calls_at` Array(DateTime64(3, 'UTC'))
        DEFAULT arrayMap(number -> if(number > 1 AND number = length(calls), last_at, opened_at), arrayEnumerate(calls))
        COMMENT 'When each of its missed calls began, in the order of calls.'
