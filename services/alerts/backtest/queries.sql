-- Stored events of the pumps $1, for a replay. Dense kinds from $2 (by the device's clock), the others all; received by $3.

-- name: pumps
SELECT d.device_id AS pump_id, d.clinic_id,
       ARRAY(SELECT p.handheld_id FROM pairings p JOIN devices h ON h.device_id = p.handheld_id AND h.retired_at IS NULL
             WHERE p.pump_id = d.device_id AND p.ended_at IS NULL ORDER BY 1) AS handhelds,
       nullif(i.began_at, '-infinity') AS implanted_at, nullif(greatest(i.began_at, m.began_at), '-infinity') AS watched_since
FROM devices d
JOIN memberships m ON m.pump_id = d.device_id AND m.ended_at = 'infinity'
JOIN LATERAL (SELECT began_at, implanted FROM implantations WHERE pump_id = d.device_id AND began_at <= now()
              ORDER BY began_at DESC LIMIT 1) i ON i.implanted
WHERE d.kind = 'pump' AND d.retired_at IS NULL AND ($1::text IS NULL OR d.clinic_id = $1)
ORDER BY d.device_id;

-- name: readings
-- A measured one may count for 400 days.
SELECT pump_id, observed_at, event_id, received_at, device_id, seq, volume_ml, basis FROM reservoir_readings
WHERE pump_id = ANY ($1::text[]) AND observed_at > $2 AND received_at <= $3
UNION ALL
SELECT pump_id, observed_at, event_id, received_at, device_id, seq, volume_ml, basis FROM reservoir_readings
WHERE pump_id = ANY ($1::text[]) AND basis = 'measured' AND received_at <= $3
  AND observed_at <= $2 AND observed_at > $2::timestamptz - interval '300 days';

-- name: requests
SELECT pump_id, observed_at, event_id, received_at, device_id, seq, outcome, dose_mcg FROM bolus_requests
WHERE pump_id = ANY ($1::text[]) AND observed_at > $2 AND received_at <= $3;

-- name: statuses
SELECT pump_id, observed_at, event_id, received_at, device_id, seq FROM device_statuses
WHERE pump_id = ANY ($1::text[]) AND observed_at > $2 AND received_at <= $3;

-- name: reports
SELECT pump_id, observed_at, event_id, received_at, device_id, seq, complaint, score FROM patient_reports
WHERE pump_id = ANY ($1::text[]) AND observed_at > $2 AND received_at <= $3;

-- name: acceptances
-- The levels of demand that people accepted as the new one: the replay takes them as said.
SELECT pump_id, accepted_at, accepted_since, accepted_per_day FROM alerts
WHERE pump_id = ANY ($1::text[]) AND accepted_at IS NOT NULL AND accepted_at <= $2;

-- name: visits
-- What was said by $2 of the refill visits of the patients of now.
SELECT v.pump_id, v.kind, v.visit_on, v.begins_at, v.said_at FROM refill_visits v
JOIN devices d ON d.device_id = v.pump_id AND d.clinic_id = v.clinic_id
JOIN LATERAL (SELECT implantation_id FROM implantations WHERE pump_id = v.pump_id AND began_at <= now()
              ORDER BY began_at DESC LIMIT 1) i ON i.implantation_id = v.implantation_id
WHERE v.pump_id = ANY ($1::text[]) AND v.said_at <= $2;

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
