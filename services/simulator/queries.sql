-- name: enrol_clinic
INSERT INTO clinics (clinic_id, name)
VALUES ($1, $2)
ON CONFLICT DO NOTHING;

-- name: enrol_devices
INSERT INTO devices (device_id, kind, clinic_id, enrolled_at)
SELECT device_id, kind, $3, $4
FROM unnest($1::text[], $2::text[]) AS fleet (device_id, kind)
ON CONFLICT DO NOTHING;

-- name: pair_handhelds
INSERT INTO pairings (handheld_id, pump_id, paired_at)
SELECT handheld_id, pump_id, $3
FROM unnest($1::text[], $2::text[]) AS fleet (handheld_id, pump_id)
ON CONFLICT DO NOTHING;

-- name: first_enrolment
SELECT min(enrolled_at) FROM devices WHERE device_id = ANY ($1::text[]) AND kind = 'pump';
