-- What ingest asks and tells the registry: whose a device is, and where an event of it may be stored already.

-- name: look_up_devices
SELECT device_id, clinic_id, pump_id, pumps, begins, ends FROM registry WHERE device_id = ANY ($1::text[]);

-- name: lock_handhelds
-- Until the end of the transaction, always in the same order. A row that is there is locked and not written.
INSERT INTO handheld_turns AS t (device_id) SELECT device_id FROM unnest($1::text[]) AS u (device_id) ORDER BY device_id
ON CONFLICT (device_id) DO UPDATE SET device_id = t.device_id WHERE false;

-- name: stored_for
-- Which of these events are stored, counted from 1: kind, pump, observed, event id.
SELECT n FROM unnest($1::text[], $2::text[], $3::float8[], $4::uuid[]) WITH ORDINALITY AS u (kind, p, at, id, n)
WHERE EXISTS (
    SELECT 1 FROM reservoir_readings WHERE kind = 'reservoir' AND pump_id = p AND observed_at = to_timestamp(at) AND event_id = id
    UNION ALL SELECT 1 FROM bolus_requests WHERE kind = 'bolus' AND pump_id = p AND observed_at = to_timestamp(at) AND event_id = id
    UNION ALL SELECT 1 FROM pump_alarms WHERE kind = 'alarm' AND pump_id = p AND observed_at = to_timestamp(at) AND event_id = id
    UNION ALL SELECT 1 FROM therapies WHERE kind = 'therapy' AND pump_id = p AND observed_at = to_timestamp(at) AND event_id = id
    UNION ALL SELECT 1 FROM refills WHERE kind = 'refill' AND pump_id = p AND observed_at = to_timestamp(at) AND event_id = id
    UNION ALL SELECT 1 FROM device_statuses WHERE kind = 'status' AND pump_id = p AND observed_at = to_timestamp(at) AND event_id = id
    UNION ALL SELECT 1 FROM patient_reports WHERE kind = 'report' AND pump_id = p AND observed_at = to_timestamp(at) AND event_id = id);

-- Enrol devices that nobody knows, as pumps of one clinic (INGEST_ENROLMENT=auto).
-- name: enrol_clinic
INSERT INTO clinics (clinic_id, name) VALUES ($1, $1) ON CONFLICT DO NOTHING;

-- name: enrol_devices
INSERT INTO devices (device_id, kind, clinic_id)
SELECT device_id, 'pump', $1 FROM unnest($2::text[]) AS u (device_id) ORDER BY device_id
ON CONFLICT DO NOTHING;
