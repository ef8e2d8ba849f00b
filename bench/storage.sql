-- What bench/storage.py runs on a database of its own.

-- name: fleet
-- $1 pumps in four clinics, all heard just now; the reader of the dashboards is whoever is logged in, and sees them all.
WITH clinic AS (
    INSERT INTO clinics SELECT 'clinic-' || n, 'Clinic ' || n FROM generate_series(0, 3) AS n RETURNING clinic_id),
pump AS (
    INSERT INTO devices (device_id, kind, clinic_id)
    SELECT 'pump-' || lpad(n::text, 6, '0'), 'pump', 'clinic-' || n % 4 FROM generate_series(0, $1::int - 1) AS n
    RETURNING device_id),
heard AS (INSERT INTO device_last_seen SELECT device_id, now(), now(), 0 FROM pump),
reader AS (INSERT INTO clinic_readers VALUES (session_user, NULL))
INSERT INTO alerts (clinic_id, pump_id, rule, key, priority, state, title, explanation, since, opened_at, updated_at,
                    policy_version)
SELECT 'clinic-' || n % 4, 'pump-' || lpad(n::text, 6, '0'), 'low_reservoir', 'level', 'medium',
       CASE WHEN n % 10 = 0 THEN 'active' ELSE 'closed' END, 'Low reservoir', 'below the alarm level', now(), now(), now(), 'v'
FROM generate_series(0, $1::int - 1, 5) AS n;

-- name: readings
-- One reading of each of $3 pumps every 4 hours in [$1, $2), in the order of time, as they would have come.
INSERT INTO reservoir_readings (pump_id, observed_at, event_id, received_at, device_id, seq, volume_ml, basis)
SELECT pump.id, e.at, gen_random_uuid(), e.at + interval '20 s', pump.id, pump.seq, 4 + 14 * abs(sin(extract(epoch FROM e.at)::bigint / 8e6 + pump.n)), 'computed'
FROM generate_series($1::timestamptz, $2::timestamptz - interval '1 second', interval '4 hours') AS slot (at),
     generate_series(0, $3::int - 1) AS pump_number (n),
     LATERAL (SELECT 'pump-' || lpad(pump_number.n::text, 6, '0') AS id, pump_number.n,
                     extract(epoch FROM slot.at)::bigint / 14400 AS seq) AS pump,
     LATERAL (SELECT slot.at + pump_number.n * 7919 % 14400 * interval '1 second' AS at) AS e;

-- name: boluses
-- Four requests a day of each pump, at odd times, one in five refused.
INSERT INTO bolus_requests (pump_id, observed_at, event_id, received_at, device_id, seq, outcome, dose_mcg)
SELECT pump.id, e.at, gen_random_uuid(), e.at + interval '40 s', 'handheld-' || right(pump.id, 6),
       extract(epoch FROM slot.at)::bigint / 21600,
       CASE WHEN random() < 0.8 THEN 'delivered' ELSE 'denied_lockout' END, 12.5
FROM generate_series($1::timestamptz, $2::timestamptz - interval '1 second', interval '6 hours') AS slot (at),
     generate_series(0, $3::int - 1) AS pump_number (n),
     LATERAL (SELECT 'pump-' || lpad(pump_number.n::text, 6, '0') AS id, pump_number.n) AS pump,
     LATERAL (SELECT slot.at + (random() * 21600)::int * interval '1 second' AS at WHERE pump.n >= 0) AS e;

-- name: statuses
-- One status of each pump a day.
INSERT INTO device_statuses (pump_id, observed_at, event_id, received_at, device_id, seq, battery_percent, firmware, end_of_service)
SELECT pump.id, e.at, gen_random_uuid(), e.at + interval '20 s', pump.id, NULL,
       90 - extract(epoch FROM e.at)::bigint / 86400 % 60, '2.2.0', date '2031-05-01'
FROM generate_series($1::timestamptz, $2::timestamptz - interval '1 second', interval '1 day') AS slot (at),
     generate_series(0, $3::int - 1) AS pump_number (n),
     LATERAL (SELECT 'pump-' || lpad(pump_number.n::text, 6, '0') AS id, pump_number.n) AS pump,
     LATERAL (SELECT slot.at + pump.n * 7919 % 86400 * interval '1 second' AS at) AS e;

-- name: rare
-- An alarm of each pump in 100 days, and a refill with a new programme in 90; what a therapy is says the newest.
WITH pump AS (
    SELECT 'pump-' || lpad(n::text, 6, '0') AS id, n * 7919 % 8640000 * interval '1 second' AS phase
    FROM generate_series(0, $3::int - 1) AS n),
alarm AS (
    INSERT INTO pump_alarms (pump_id, observed_at, event_id, received_at, device_id, seq, code, state)
    SELECT id, at + phase, gen_random_uuid(), at + phase, id, NULL, 'motor_stall', state
    FROM generate_series($1::timestamptz, $2::timestamptz - interval '1 second', interval '100 days') AS slot (at), pump,
         (VALUES ('raised', interval '0'), ('cleared', interval '2 hours')) AS s (state, later)
    WHERE at + phase < $2),
refill AS (
    INSERT INTO refills
    SELECT id, at + phase, gen_random_uuid(), at + phase, id, NULL, 3, 3.4, 18
    FROM generate_series($1::timestamptz, $2::timestamptz - interval '1 second', interval '90 days') AS slot (at), pump
    WHERE at + phase < $2)
INSERT INTO therapies
SELECT id, at + phase, gen_random_uuid(), at + phase, id, NULL, '[{"name": "morphine", "concentration_mcg_per_ml": 10000}]',
       '[{"from": "00:00", "rate_ml_per_day": 0.3}]', 25, 240, 4, 20, 2.5, current_date + 20
FROM generate_series($1::timestamptz, $2::timestamptz - interval '1 second', interval '90 days') AS slot (at), pump
WHERE at + phase < $2;

-- name: table_sizes
-- Rows and bytes of what holds events; `ordinary` counts heap and TOAST, `indexes` the indexes, of a hypertable's chunks too.
SELECT sum(rows)::bigint AS events, sum(heap)::bigint AS heap, sum(indexes)::bigint AS indexes
FROM (
    SELECT (SELECT count(*) FROM reservoir_readings) AS rows, 0 AS heap, 0 AS indexes
    UNION ALL SELECT (SELECT count(*) FROM bolus_requests), 0, 0
    UNION ALL SELECT (SELECT count(*) FROM device_statuses), 0, 0
    UNION ALL SELECT 0, h.table_bytes + h.toast_bytes, h.index_bytes
    FROM unnest(ARRAY['reservoir_readings', 'bolus_requests', 'device_statuses']) AS t (name),
         LATERAL hypertable_detailed_size(t.name::regclass) AS h) AS parts;

-- name: rollup_sizes
SELECT view_name, hypertable_size(format('%I.%I', materialization_hypertable_schema, materialization_hypertable_name)::regclass)
FROM timescaledb_information.continuous_aggregates ORDER BY view_name;

-- name: old_chunks
SELECT format('%I.%I', chunk_schema, chunk_name) AS chunk FROM timescaledb_information.chunks
WHERE hypertable_name = ANY ('{reservoir_readings,bolus_requests,device_statuses}') AND NOT is_compressed
  AND range_end < now() - interval '30 days';

-- name: count_chunks
SELECT count(*) FROM timescaledb_information.chunks
WHERE hypertable_name = ANY ('{reservoir_readings,bolus_requests,device_statuses}');

-- name: set_chunk_days
SELECT set_chunk_time_interval(name::regclass, $1::int * interval '1 day')
FROM unnest(ARRAY['reservoir_readings', 'bolus_requests', 'device_statuses']) AS t (name);
