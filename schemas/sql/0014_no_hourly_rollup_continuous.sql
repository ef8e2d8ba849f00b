-- pumpwatch:editions community
-- The same; here it kept a second copy of 164 bytes for every reading (docs/decisions/0009-storage.md).
DROP MATERIALIZED VIEW reservoir_hourly;
