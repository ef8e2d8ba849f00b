-- pumpwatch:editions community
-- Chunks that nobody writes to any more become columns: a quarter of the bytes (docs/decisions/0009-storage.md).
--
-- By pump, the newest first, as everything is read. After 30 days: later than the longest upload that is usual, so that
-- few late events meet a converted chunk. Those that do are stored and told from duplicates all the same; the policy
-- converts their chunk again.

ALTER TABLE reservoir_readings SET (timescaledb.enable_columnstore, timescaledb.segmentby = 'pump_id',
                                    timescaledb.orderby = 'observed_at DESC');
ALTER TABLE bolus_requests SET (timescaledb.enable_columnstore, timescaledb.segmentby = 'pump_id',
                                timescaledb.orderby = 'observed_at DESC');
ALTER TABLE device_statuses SET (timescaledb.enable_columnstore, timescaledb.segmentby = 'pump_id',
                                 timescaledb.orderby = 'observed_at DESC');
CALL add_columnstore_policy('reservoir_readings', after => interval '30 days');
CALL add_columnstore_policy('bolus_requests', after => interval '30 days');
CALL add_columnstore_policy('device_statuses', after => interval '30 days');
