-- pumpwatch:editions apache postgres
-- The roll-ups that dashboards and facts read, as plain views: same names and columns as the continuous aggregates
-- of the Community edition.

CREATE VIEW reservoir_hourly AS
SELECT pump_id,
       date_bin('1 hour', observed_at, '2000-01-03 00:00:00+00') AS bucket,
       (array_agg(volume_ml ORDER BY observed_at DESC))[1] AS last_volume_ml,
       min(volume_ml) AS min_volume_ml,
       max(volume_ml) AS max_volume_ml,
       count(*) AS readings
FROM reservoir_readings
GROUP BY 1, 2;

CREATE VIEW bolus_daily AS
SELECT pump_id,
       date_bin('1 day', observed_at, '2000-01-03 00:00:00+00') AS bucket,
       count(*) AS attempts,
       count(*) FILTER (WHERE outcome = 'delivered') AS delivered,
       count(*) FILTER (WHERE outcome = 'denied_lockout') AS denied_lockout,
       count(*) FILTER (WHERE outcome = 'denied_limit') AS denied_limit,
       count(*) FILTER (WHERE outcome = 'denied_other') AS denied_other,
       count(*) FILTER (WHERE outcome = 'comm_failure') AS comm_failure,
       sum(dose_mcg) FILTER (WHERE outcome = 'delivered') AS delivered_mcg
FROM bolus_requests
GROUP BY 1, 2;
