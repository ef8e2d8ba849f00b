-- pumpwatch:editions apache postgres
-- Nobody reads it: a pump that reports every four hours has no hour with two readings, so it was a second copy.
DROP VIEW reservoir_hourly;
