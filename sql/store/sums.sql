-- What one log was read to: its records, those that were not understood, and the company's calls.
SELECT
    ifNull((SELECT sum(records) FROM batches FINAL WHERE topic = {topic:String}), 0),
    ifNull((SELECT sum(rejects) FROM batches FINAL WHERE topic = {topic:String}), 0),
    count(),
    countIf(direction = 'inbound'),
    countIf(missed),
    countIf(missed AND follow_up.status = 'open')
FROM calls_now
WHERE tenant = {tenant:String}
