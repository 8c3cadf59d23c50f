-- Calls were concluded that are not in the order of time: by a process that served no pages.
SELECT toBool(ifNull((SELECT max(version) FROM calls) > (SELECT max(version) FROM call_places), false))
