-- A customer who called often, a part of a caller's name, a DID and a queue, to be looked for.
SELECT
    assumeNotNull((SELECT toString(assumeNotNull(customer)) AS one FROM calls_by_time WHERE length(customer) >= 9 GROUP BY one ORDER BY count() DESC, one LIMIT 1)),
    assumeNotNull((SELECT max(toString(assumeNotNull(caller_name))) FROM kept_calls WHERE length(caller_name) > 0)),
    assumeNotNull((SELECT toString(assumeNotNull(did)) AS one FROM kept_calls WHERE did IS NOT NULL GROUP BY one ORDER BY count() DESC, one LIMIT 1)),
    assumeNotNull((SELECT toString(assumeNotNull(queue)) AS one FROM kept_calls WHERE queue IS NOT NULL GROUP BY one ORDER BY count() DESC, one LIMIT 1))
