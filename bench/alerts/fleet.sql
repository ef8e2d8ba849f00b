-- What bench/alerts/run.py runs on a database of its own.

-- name: fleet
-- $1 pumps, 500 to a clinic, each with a handheld; all enrolled long ago.
WITH clinic AS (
    INSERT INTO clinics SELECT 'clinic-' || n, 'Clinic ' || n FROM generate_series(0, ($1::int - 1) / 500) AS n
    RETURNING clinic_id),
pump AS (
    INSERT INTO devices (device_id, kind, clinic_id)
    SELECT kind || '-' || lpad(n::text, 6, '0'), kind, 'clinic-' || n / 500
    FROM generate_series(0, $1::int - 1) AS n, unnest(ARRAY['pump', 'handheld']) AS k (kind)
    RETURNING device_id)
INSERT INTO pairings (handheld_id, pump_id)
SELECT 'handheld-' || lpad(n::text, 6, '0'), 'pump-' || lpad(n::text, 6, '0') FROM generate_series(0, $1::int - 1) AS n;

-- name: readings
-- A reading of each of $3 pumps every 4 hours in [$1, $2), in the order of arrival. The reservoir was filled on a day of
-- the pump's own in the $5 days up to $4, and falls by 0.31 mL a day.
INSERT INTO reservoir_readings (pump_id, observed_at, event_id, received_at, device_id, seq, volume_ml, basis)
SELECT pump.id, e.at, gen_random_uuid(), e.at + interval '20 s', pump.id, extract(epoch FROM slot.at)::bigint / 14400,
       CASE WHEN e.at >= pump.filled_at THEN 18 ELSE 18 - 0.31 * (45 - $5::int) END
       - 0.31 * extract(epoch FROM e.at - CASE WHEN e.at >= pump.filled_at THEN pump.filled_at
                                               ELSE $4::timestamptz - $5::int * interval '1 day' END) / 86400,
       'computed'
FROM generate_series($1::timestamptz, $2::timestamptz - interval '1 second', interval '4 hours') AS slot (at),
     generate_series(0, $3::int - 1) AS number (n),
     LATERAL (SELECT 'pump-' || lpad(number.n::text, 6, '0') AS id,
                     $4::timestamptz - (1 + number.n * 7919 % (($5::int - 2) * 86400)) * interval '1 second' AS filled_at) AS pump,
     LATERAL (SELECT slot.at + number.n * 7919 % 14400 * interval '1 second' AS at) AS e;

-- name: boluses
-- Four requests a day with each pump's handheld, at odd times, one in five refused.
INSERT INTO bolus_requests (pump_id, observed_at, event_id, received_at, device_id, seq, outcome, dose_mcg)
SELECT 'pump-' || number.name, e.at, gen_random_uuid(), e.at + interval '40 s', 'handheld-' || number.name,
       extract(epoch FROM slot.at)::bigint / 21600,
       CASE WHEN random() < 0.8 THEN 'delivered' ELSE 'denied_lockout' END, 25
FROM generate_series($1::timestamptz, $2::timestamptz - interval '1 second', interval '6 hours') AS slot (at),
     LATERAL (SELECT n, lpad(n::text, 6, '0') AS name FROM generate_series(0, $3::int - 1) AS n) AS number,
     LATERAL (SELECT slot.at + (random() * 21600)::int * interval '1 second' AS at WHERE number.n >= 0) AS e;

-- name: statuses
-- Two heartbeats a day: one of each pump, one of its handheld.
INSERT INTO device_statuses (pump_id, observed_at, event_id, received_at, device_id, battery_percent, firmware, end_of_service)
SELECT 'pump-' || number.name, e.at, gen_random_uuid(), e.at + interval '20 s',
       CASE WHEN extract(hour FROM slot.at - $1::timestamptz)::int = 0 THEN 'pump-' ELSE 'handheld-' END || number.name,
       90 - extract(epoch FROM e.at)::bigint / 86400 % 60, '2.2.0', date '2031-05-01'
FROM generate_series($1::timestamptz, $2::timestamptz - interval '1 second', interval '12 hours') AS slot (at),
     LATERAL (SELECT n, lpad(n::text, 6, '0') AS name FROM generate_series(0, $3::int - 1) AS n) AS number,
     LATERAL (SELECT slot.at + number.n * 7919 % 43200 * interval '1 second' AS at) AS e;

-- name: rare
-- In the $2 days up to $3: a refill of each of $1 pumps with a new programme of the same prescription, a stall that
-- recovered of one in 50, a standing battery warning of one in 200, a report of pain of one in 20.
WITH pump AS (
    SELECT n, 'pump-' || lpad(n::text, 6, '0') AS id,
           $3::timestamptz - (1 + n * 7919 % (($2::int - 2) * 86400)) * interval '1 second' AS at
    FROM generate_series(0, $1::int - 1) AS n),
alarm AS (
    INSERT INTO pump_alarms (pump_id, observed_at, event_id, received_at, device_id, seq, code, state)
    SELECT id, at + later, gen_random_uuid(), at + later, id, NULL, code, state
    FROM pump, (VALUES (50, 'motor_stall', 'raised', interval '-3 h'), (50, 'motor_stall', 'cleared', interval '-1 h'),
                       (200, 'elective_replacement', 'raised', interval '0')) AS s (one_in, code, state, later)
    WHERE n % one_in = 0),
report AS (
    INSERT INTO patient_reports (pump_id, observed_at, event_id, received_at, device_id, seq, complaint, score)
    SELECT id, at - interval '2 h', gen_random_uuid(), at, id, NULL, 'pain', 5 FROM pump WHERE n % 20 = 0),
refill AS (
    INSERT INTO refills
    SELECT id, at - interval '1 s', gen_random_uuid(), at, id, NULL, 4.0, 3.9 + n % 3 / 10.0, 18 FROM pump)
INSERT INTO therapies
SELECT id, at, gen_random_uuid(), at, id, NULL, '[{"name": "morphine", "concentration_mcg_per_ml": 10000}]',
       '[{"from": "00:00", "rate_ml_per_day": 0.3}]', 25, 240, 4, 20, 2, (at + interval '40 days')::date
FROM pump;

-- name: watch
-- Every pump is under watch, and was looked at at $1.
INSERT INTO pump_evaluations (pump_id, evaluated_at)
SELECT device_id, $1 FROM devices WHERE kind = 'pump' ON CONFLICT DO NOTHING;

-- name: all_due
UPDATE pump_evaluations SET evaluated_at = evaluated_at - interval '3 hours';

-- name: all_evaluated
SELECT NOT EXISTS (SELECT FROM pump_evaluations WHERE evaluated_at < $1);

-- name: queue_empty
SELECT NOT EXISTS (SELECT FROM evaluation_queue);

-- name: change
-- A reading, no surprise to anybody, of each of the $2 pumps from number $1 on (modulo $3), and an entry in the queue for
-- each $4 of them.
WITH pump AS (
    SELECT n, 'pump-' || lpad((($1::int + n) * 7 % $3::int)::text, 6, '0') AS id FROM generate_series(0, $2::int - 1) AS n),
reading AS (
    INSERT INTO reservoir_readings (pump_id, observed_at, event_id, received_at, device_id, seq, volume_ml, basis)
    SELECT DISTINCT ON (id) id, clock_timestamp(), gen_random_uuid(), clock_timestamp(), id, NULL,
           (SELECT volume_ml FROM reservoir_readings WHERE pump_id = id ORDER BY observed_at DESC LIMIT 1), 'computed'
    FROM pump),
queued AS (
    INSERT INTO evaluation_queue (pump_ids) SELECT array_agg(id) FROM pump GROUP BY n / $4::int)
SELECT pg_notify('pumps_changed', '');

-- name: primary_keys
SELECT c.conrelid::regclass::text AS table_name, c.conname AS name, pg_get_constraintdef(c.oid) AS definition
FROM pg_constraint c
WHERE c.contype = 'p' AND c.conrelid::regclass::text IN ('reservoir_readings', 'bolus_requests', 'device_statuses');

-- name: falls_silent
-- $1 pumps in $2 clinics, heard every 12 hours for 20 days, and the last time all at $3.
WITH clinic AS (
    INSERT INTO clinics SELECT 'clinic-' || n, 'Clinic ' || n FROM generate_series(0, $2::int - 1) AS n RETURNING clinic_id),
pump AS (
    INSERT INTO devices (device_id, kind, clinic_id)
    SELECT 'pump-' || lpad(n::text, 6, '0'), 'pump', 'clinic-' || n % $2::int FROM generate_series(0, $1::int - 1) AS n
    RETURNING device_id)
INSERT INTO device_statuses (pump_id, observed_at, event_id, received_at, device_id, firmware)
SELECT device_id, $3::timestamptz - beat * interval '12 hours', gen_random_uuid(),
       $3::timestamptz - beat * interval '12 hours', device_id, '2.2.0'
FROM pump, generate_series(0, 39) AS beat;
