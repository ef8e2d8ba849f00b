-- Every statement that ingest runs. The parameters of insert_<kind> after the first are the columns of the rows that
-- services/ingest/messages/rows.py builds, in order; `observed` is in seconds since 1970.

-- name: insert_reservoir
INSERT INTO reservoir_readings (pump_id, observed_at, event_id, device_id, seq, volume_ml, basis, received_at)
SELECT pump_id, to_timestamp(observed), event_id, device_id, seq, volume_ml, basis, $1::timestamptz
FROM unnest($2::text[], $3::float8[], $4::uuid[], $5::text[], $6::bigint[], $7::float8[], $8::text[])
    AS u (pump_id, observed, event_id, device_id, seq, volume_ml, basis)
ON CONFLICT DO NOTHING;

-- name: insert_bolus
INSERT INTO bolus_requests (pump_id, observed_at, event_id, device_id, seq, outcome, dose_mcg, received_at)
SELECT pump_id, to_timestamp(observed), event_id, device_id, seq, outcome, dose_mcg, $1::timestamptz
FROM unnest($2::text[], $3::float8[], $4::uuid[], $5::text[], $6::bigint[], $7::text[], $8::float8[])
    AS u (pump_id, observed, event_id, device_id, seq, outcome, dose_mcg)
ON CONFLICT DO NOTHING;

-- name: insert_alarm
INSERT INTO pump_alarms (pump_id, observed_at, event_id, device_id, seq, code, state, detail, received_at)
SELECT pump_id, to_timestamp(observed), event_id, device_id, seq, code, state, detail, $1::timestamptz
FROM unnest($2::text[], $3::float8[], $4::uuid[], $5::text[], $6::bigint[], $7::text[], $8::text[], $9::text[])
    AS u (pump_id, observed, event_id, device_id, seq, code, state, detail)
ON CONFLICT DO NOTHING;

-- name: insert_therapy
INSERT INTO therapies (pump_id, observed_at, event_id, device_id, seq, drugs, profile, bolus_dose_mcg,
    bolus_lockout_minutes, bolus_limit_per_24h, reservoir_size_ml, low_reservoir_ml, refill_due, replaces, received_at)
SELECT pump_id, to_timestamp(observed), event_id, device_id, seq, drugs, profile, bolus_dose_mcg,
    bolus_lockout_minutes, bolus_limit_per_24h, reservoir_size_ml, low_reservoir_ml, refill_due, replaces, $1::timestamptz
FROM unnest($2::text[], $3::float8[], $4::uuid[], $5::text[], $6::bigint[], $7::jsonb[], $8::jsonb[], $9::float8[],
    $10::int[], $11::int[], $12::float8[], $13::float8[], $14::date[], $15::uuid[])
    AS u (pump_id, observed, event_id, device_id, seq, drugs, profile, bolus_dose_mcg, bolus_lockout_minutes,
    bolus_limit_per_24h, reservoir_size_ml, low_reservoir_ml, refill_due, replaces)
ON CONFLICT DO NOTHING;

-- name: insert_refill
INSERT INTO refills (pump_id, observed_at, event_id, device_id, seq, expected_ml, measured_ml, filled_ml, replaces,
    received_at)
SELECT pump_id, to_timestamp(observed), event_id, device_id, seq, expected_ml, measured_ml, filled_ml, replaces,
    $1::timestamptz
FROM unnest($2::text[], $3::float8[], $4::uuid[], $5::text[], $6::bigint[], $7::float8[], $8::float8[], $9::float8[],
    $10::uuid[])
    AS u (pump_id, observed, event_id, device_id, seq, expected_ml, measured_ml, filled_ml, replaces)
ON CONFLICT DO NOTHING;

-- name: insert_status
INSERT INTO device_statuses (pump_id, observed_at, event_id, device_id, seq, battery_percent, firmware,
    end_of_service, received_at)
SELECT pump_id, to_timestamp(observed), event_id, device_id, seq, battery_percent, firmware, end_of_service, $1::timestamptz
FROM unnest($2::text[], $3::float8[], $4::uuid[], $5::text[], $6::bigint[], $7::float8[], $8::text[], $9::date[])
    AS u (pump_id, observed, event_id, device_id, seq, battery_percent, firmware, end_of_service)
ON CONFLICT DO NOTHING;

-- name: insert_report
INSERT INTO patient_reports (pump_id, observed_at, event_id, device_id, seq, complaint, score, received_at)
SELECT pump_id, to_timestamp(observed), event_id, device_id, seq, complaint, score, $1::timestamptz
FROM unnest($2::text[], $3::float8[], $4::uuid[], $5::text[], $6::bigint[], $7::text[], $8::int[])
    AS u (pump_id, observed, event_id, device_id, seq, complaint, score)
ON CONFLICT DO NOTHING;

-- A re-send of the same bad bytes raises a count. One statement sees each (digest, index) once.
-- name: insert_dead_letters
INSERT INTO dead_letters AS l (digest, event_index, topic, device_id, event_id, payload, reason, detail, times_received,
                               first_received_at, last_received_at)
SELECT *, $1::timestamptz, $1::timestamptz
FROM unnest($2::bytea[], $3::int[], $4::text[], $5::text[], $6::uuid[], $7::bytea[], $8::text[], $9::text[], $10::int[])
ON CONFLICT (digest, event_index) DO UPDATE
SET times_received = l.times_received + EXCLUDED.times_received,
    last_received_at = EXCLUDED.last_received_at,
    reason = EXCLUDED.reason,
    detail = EXCLUDED.detail;

-- name: upsert_last_seen
INSERT INTO device_last_seen AS s (device_id, received_at, observed_at, clock_offset_seconds)
SELECT device_id, $1::timestamptz, to_timestamp(observed), extract(epoch FROM $1::timestamptz) - observed
FROM unnest($2::text[], $3::float8[]) AS u (device_id, observed)
ORDER BY device_id
ON CONFLICT (device_id) DO UPDATE
SET received_at = EXCLUDED.received_at,
    observed_at = EXCLUDED.observed_at,
    clock_offset_seconds = EXCLUDED.clock_offset_seconds
WHERE s.received_at < EXCLUDED.received_at;

-- Leave the pumps that changed for the alert workers, those of $1 to be looked at first; the notification only wakes them.
-- name: queue_evaluation
WITH queued AS (
    INSERT INTO evaluation_queue (pump_ids, urgent)
    SELECT pump_ids, urgent FROM (VALUES ($1::text[], true), ($2::text[], false)) AS v (pump_ids, urgent)
    WHERE cardinality(pump_ids) > 0)
SELECT pg_notify('pumps_changed', '');

-- Say that this ingestor lives and is connected to its broker.
-- name: record_heartbeat
INSERT INTO worker_heartbeats (worker_id, service, at, beaten_at) VALUES ($1, 'ingest', now(), now())
ON CONFLICT (worker_id) DO UPDATE SET at = excluded.at, beaten_at = excluded.beaten_at;

-- name: look_up_devices
SELECT device_id, clinic_id, pump_id FROM registry WHERE device_id = ANY ($1::text[]);

-- Enrol devices that nobody knows, as pumps of one clinic (INGEST_ENROLMENT=auto).
-- name: enrol_clinic
INSERT INTO clinics (clinic_id, name) VALUES ($1, $1) ON CONFLICT DO NOTHING;

-- name: enrol_devices
INSERT INTO devices (device_id, kind, clinic_id)
SELECT device_id, 'pump', $1 FROM unnest($2::text[]) AS u (device_id) ORDER BY device_id
ON CONFLICT DO NOTHING;
