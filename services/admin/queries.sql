-- What an operator does by hand. The caller owns the transaction.

-- name: add_clinic
INSERT INTO clinics (clinic_id, name) VALUES ($1, $2) ON CONFLICT DO NOTHING;

-- name: enrol_devices
-- $1 device ids, $2 kind, $3 clinic. A device that is enrolled already moves to this clinic and is no longer retired.
-- It never changes its kind: its past events would change their meaning.
INSERT INTO devices (device_id, kind, clinic_id)
SELECT device_id, $2, $3 FROM unnest($1::text[]) AS device_id
ON CONFLICT (device_id) DO UPDATE SET clinic_id = excluded.clinic_id, retired_at = NULL
WHERE devices.kind = excluded.kind
RETURNING device_id;

-- name: device
SELECT device_id, kind, clinic_id FROM devices WHERE device_id = $1 AND retired_at IS NULL;

-- name: end_pairing
UPDATE pairings SET ended_at = now() WHERE handheld_id = $1 AND pump_id <> $2 AND ended_at IS NULL;

-- name: begin_pairing
INSERT INTO pairings (handheld_id, pump_id, paired_at)
SELECT $1, $2, clock_timestamp()
WHERE NOT EXISTS (SELECT FROM pairings WHERE handheld_id = $1 AND pump_id = $2 AND ended_at IS NULL);

-- name: recent_rejections
-- $1 device or NULL, $2 reason or NULL, $3 how many.
SELECT rejection_id, last_received_at, times_received, topic, event_index, reason, detail
FROM rejected_messages
WHERE ($1::text IS NULL OR device_id = $1) AND ($2::text IS NULL OR reason = $2)
ORDER BY last_received_at DESC, rejection_id DESC
LIMIT $3;

-- name: rejection
SELECT * FROM rejected_messages WHERE rejection_id = $1;
