-- pumpwatch:editions community
-- The same: 150 bytes for each reading of 200 (docs/decisions/0009-storage.md).
DROP MATERIALIZED VIEW reservoir_hourly;
