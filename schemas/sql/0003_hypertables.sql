-- pumpwatch:editions community apache
-- Chunk intervals follow how often a kind is written: dense kinds by the week, rare ones by the year, so that
-- "the latest therapy of this pump" looks into a handful of chunks. No second time index: every query names the pump.

SELECT create_hypertable('reservoir_readings', by_range('observed_at', interval '7 days'), create_default_indexes => false);
SELECT create_hypertable('bolus_requests', by_range('observed_at', interval '7 days'), create_default_indexes => false);
SELECT create_hypertable('device_statuses', by_range('observed_at', interval '7 days'), create_default_indexes => false);
SELECT create_hypertable('pump_alarms', by_range('observed_at', interval '90 days'), create_default_indexes => false);
SELECT create_hypertable('patient_reports', by_range('observed_at', interval '90 days'), create_default_indexes => false);
SELECT create_hypertable('therapies', by_range('observed_at', interval '365 days'), create_default_indexes => false);
SELECT create_hypertable('refills', by_range('observed_at', interval '365 days'), create_default_indexes => false);
