-- pumpwatch:editions apache postgres
-- Nothing reads it: a pump that reports every four hours has no hour with two readings.
DROP VIEW reservoir_hourly;
