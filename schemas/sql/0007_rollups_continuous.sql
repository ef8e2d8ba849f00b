-- pumpwatch:editions community
-- The same roll-ups as continuous aggregates, real-time: what has not been materialised yet is computed on the way.

CREATE MATERIALIZED VIEW reservoir_hourly
WITH (timescaledb.continuous, timescaledb.materialized_only = false) AS
SELECT pump_id,
       time_bucket('1 hour', observed_at) AS bucket,
       last(volume_ml, observed_at) AS last_volume_ml,
       min(volume_ml) AS min_volume_ml,
       max(volume_ml) AS max_volume_ml,
       count(*) AS readings
FROM reservoir_readings
GROUP BY 1, 2
WITH NO DATA;

CREATE MATERIALIZED VIEW bolus_daily
WITH (timescaledb.continuous, timescaledb.materialized_only = false) AS
SELECT pump_id,
       time_bucket('1 day', observed_at) AS bucket,
       count(*) AS attempts,
       count(*) FILTER (WHERE outcome = 'delivered') AS delivered,
       count(*) FILTER (WHERE outcome = 'denied_lockout') AS denied_lockout,
       count(*) FILTER (WHERE outcome = 'denied_limit') AS denied_limit,
       count(*) FILTER (WHERE outcome = 'denied_other') AS denied_other,
       count(*) FILTER (WHERE outcome = 'comm_failure') AS comm_failure,
       sum(dose_mcg) FILTER (WHERE outcome = 'delivered') AS delivered_mcg
FROM bolus_requests
GROUP BY 1, 2
WITH NO DATA;

-- No bound in the past: a pump that is read out once in three months brings three months of log. Only buckets in which
-- something changed are computed again.
SELECT add_continuous_aggregate_policy('reservoir_hourly',
    start_offset => NULL, end_offset => interval '1 hour', schedule_interval => interval '30 minutes');
SELECT add_continuous_aggregate_policy('bolus_daily',
    start_offset => NULL, end_offset => interval '1 day', schedule_interval => interval '1 hour');
