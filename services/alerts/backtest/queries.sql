-- Stored events of the pumps $1, for a replay. Dense kinds from $2 (by the device's clock), the others all; received by $3.

-- name: pumps
SELECT d.device_id AS pump_id, d.clinic_id,
       ARRAY(SELECT p.handheld_id FROM pairings p JOIN devices h ON h.device_id = p.handheld_id AND h.retired_at IS NULL
             WHERE p.pump_id = d.device_id AND p.ended_at IS NULL ORDER BY 1) AS handhelds
FROM devices d
WHERE d.kind = 'pump' AND d.retired_at IS NULL AND ($1::text IS NULL OR d.clinic_id = $1)
ORDER BY d.device_id;

-- name: readings
SELECT pump_id, observed_at, event_id, received_at, device_id, seq, volume_ml, basis FROM reservoir_readings
WHERE pump_id = ANY ($1::text[]) AND observed_at > $2 AND received_at <= $3;

-- name: requests
SELECT pump_id, observed_at, event_id, received_at, device_id, seq, outcome, dose_mcg FROM bolus_requests
WHERE pump_id = ANY ($1::text[]) AND observed_at > $2 AND received_at <= $3;

-- name: statuses
SELECT pump_id, observed_at, event_id, received_at, device_id, seq FROM device_statuses
WHERE pump_id = ANY ($1::text[]) AND observed_at > $2 AND received_at <= $3;

-- name: reports
SELECT pump_id, observed_at, event_id, received_at, device_id, seq, complaint, score FROM patient_reports
WHERE pump_id = ANY ($1::text[]) AND observed_at > $2 AND received_at <= $3;

-- name: alarms
SELECT pump_id, observed_at, event_id, received_at, device_id, seq, code, state, detail FROM pump_alarms
WHERE pump_id = ANY ($1::text[]) AND received_at <= $2;

-- name: refused_alarms
SELECT pump_id, event_id, received_at, device_id, seq, code, state, clock_offset_seconds FROM refused_alarms
WHERE pump_id = ANY ($1::text[]) AND received_at <= $2;

-- name: refills
SELECT pump_id, observed_at, event_id, received_at, device_id, seq, expected_ml, measured_ml, filled_ml, replaces
FROM refills
WHERE pump_id = ANY ($1::text[]) AND received_at <= $2;

-- name: therapies
SELECT pump_id, observed_at, event_id, received_at, device_id, seq, drugs, profile, bolus_dose_mcg, bolus_lockout_minutes,
       bolus_limit_per_24h, reservoir_size_ml, low_reservoir_ml, refill_due, replaces
FROM therapies WHERE pump_id = ANY ($1::text[]) AND received_at <= $2;
