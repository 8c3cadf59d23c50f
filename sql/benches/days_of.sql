-- On how many days the calls began.
SELECT uniqExact(intDiv(quarter, 96)) FROM calls_by_time
