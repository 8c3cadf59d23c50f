-- Each leg once, as it was stored first.
CREATE OR REPLACE VIEW legs_now AS
SELECT * FROM legs FINAL
ORDER BY tenant, topic, partition, epoch, position, part
LIMIT 1 BY tenant, pbx, leg_id
