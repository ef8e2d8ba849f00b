-- pumpwatch:editions community
-- What the database does by itself, and whether it is done in time (docs/decisions/0022-upkeep-is-judged-by-its-work.md).
--
-- By its work, not by what is recorded of it: TimescaleDB 2.29.2 on PostgreSQL 17.12 records each run as failed, though
-- all is done, and a run that failed as well as done leaves the same record.

-- A job that failed n times on end is tried again after n retry periods, twenty at most and at most five times its own
-- interval: an hourly one, every five hours. With a twentieth of the interval it is never later than it would be anyway.
SELECT alter_job(job_id, retry_period => schedule_interval / 20, max_retries => -1)
FROM timescaledb_information.jobs
WHERE proc_name ~ '^policy_(refresh_continuous_aggregate|compression|columnstore)$';

CREATE VIEW upkeep AS
-- A roll-up lags by a day and a bucket, and its refresh comes hourly. Whether something waits is asked only where it
-- could, and no more than that: there is no index by time alone.
SELECT 'rollup' AS kind, name, CASE WHEN done_until > '1970-01-01Z' THEN done_until END AS done_until,
       CASE WHEN done_until + lag < now() - interval '3 hours'
                 AND EXISTS (SELECT FROM bolus_requests WHERE observed_at >= done_until AND observed_at < now() - lag)
            THEN greatest(done_until + lag + interval '1 hour', pg_postmaster_start_time()) END AS overdue_since
FROM (SELECT user_view_name::text AS name, interval '2 days' AS lag,
             -- Of one that was never filled it lies before every calendar.
             greatest('1970-01-01Z', _timescaledb_functions.to_timestamp(w.watermark)) AS done_until
      FROM _timescaledb_catalog.continuous_agg LEFT JOIN _timescaledb_catalog.continuous_aggs_watermark w USING (mat_hypertable_id)
      WHERE user_view_name = 'bolus_daily') rollups
UNION ALL
SELECT 'columns', j.hypertable_name, max(c.range_end) FILTER (WHERE c.is_compressed),
       min(c.range_end + due.after + due.grace)
           FILTER (WHERE NOT c.is_compressed AND c.range_end + due.after + due.grace < now())
FROM timescaledb_information.jobs j
CROSS JOIN LATERAL (SELECT coalesce(j.config ->> 'compress_after', j.config ->> 'after')::interval AS after,
                           2 * j.schedule_interval AS grace) due
LEFT JOIN timescaledb_information.chunks c
    ON c.hypertable_schema = j.hypertable_schema AND c.hypertable_name = j.hypertable_name
WHERE j.proc_name ~ '^policy_(compression|columnstore)$'
GROUP BY j.hypertable_name
UNION ALL
-- That it was begun says that the scheduler lives. One that has just been made, or whose server has, is not late yet.
SELECT 'job', j.proc_name || ' ' || coalesce(a.user_view_name, j.hypertable_name), nullif(s.last_run_started_at, '-infinity'),
       CASE WHEN late.at < now() THEN late.at END
FROM timescaledb_information.jobs j
LEFT JOIN timescaledb_information.job_stats s USING (job_id)
LEFT JOIN _timescaledb_catalog.continuous_agg a
    ON a.mat_hypertable_id = (j.config ->> 'mat_hypertable_id')::integer
CROSS JOIN LATERAL (SELECT greatest(s.last_run_started_at, pg_postmaster_start_time()) + 2 * j.schedule_interval
                           + interval '1 hour' AS at) late
WHERE j.proc_name ~ '^policy_(refresh_continuous_aggregate|compression|columnstore)$';
COMMENT ON VIEW upkeep IS 'What the database does by itself: until when it is done, and since when it should have been done.';
COMMENT ON COLUMN upkeep.kind IS '"rollup": sums that are kept; "columns": chunks to be converted; "job": TimescaleDB''s job for either.';

-- It is the same for every clinic.
CREATE VIEW dashboard.upkeep WITH (security_barrier) AS
SELECT c.clinic_id, u.kind, u.name, u.done_until, u.overdue_since FROM readable_clinics c CROSS JOIN upkeep u
WHERE c.clinic_id IS NOT NULL;
GRANT SELECT ON dashboard.upkeep TO pumpwatch_reader;
