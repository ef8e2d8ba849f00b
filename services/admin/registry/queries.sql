-- The registry. The caller owns the transaction. Infinities come and go as the years 1000 and 9000 (EVER and FOREVER).

-- name: add_clinic
INSERT INTO clinics (clinic_id, name) VALUES ($1, $2) ON CONFLICT DO NOTHING;

-- name: clinic_ids
SELECT clinic_id FROM clinics ORDER BY clinic_id;

-- name: enrol_devices
-- $1 device ids, $2 kind, $3 clinic. A device that is enrolled already moves to this clinic and is no longer retired.
-- It never changes its kind: its past events would change their meaning.
INSERT INTO devices (device_id, kind, clinic_id)
SELECT device_id, $2, $3 FROM unnest($1::text[]) AS device_id
ON CONFLICT (device_id) DO UPDATE SET clinic_id = excluded.clinic_id, retired_at = NULL
WHERE devices.kind = excluded.kind
RETURNING device_id;

-- name: lock_device
SELECT device_id, kind, clinic_id, enrolled_at, retired_at FROM devices WHERE device_id = $1 FOR NO KEY UPDATE;

-- name: device_ids
SELECT device_id FROM devices ORDER BY device_id LIMIT 20000;

-- name: retire_device
UPDATE devices SET retired_at = $2 WHERE device_id = $1;

-- name: certificate_ends
-- Until when the broker lets the device $1 in, at $2; null: it has no certificate that is known.
SELECT max(not_after) FROM certificates WHERE device_id = $1 AND revoked_at IS NULL AND not_after > $2;

-- name: pairings
-- Of a handheld or of a pump.
SELECT pairing_id, handheld_id, pump_id, greatest(paired_at, '1000-01-01Z') AS since,
       least(greatest(coalesce(ended_at, 'infinity'), '1000-01-01Z'), '9000-01-01Z') AS until
FROM pairings WHERE handheld_id = $1 OR pump_id = $1
ORDER BY paired_at, pairing_id;

-- name: begin_pairing
INSERT INTO pairings (handheld_id, pump_id, paired_at, ended_at)
VALUES ($1, $2, coalesce(nullif($3::timestamptz, '1000-01-01Z'), '-infinity'), nullif($4::timestamptz, '9000-01-01Z'));

-- name: change_pairing
UPDATE pairings
SET paired_at = coalesce(nullif($2::timestamptz, '1000-01-01Z'), '-infinity'),
    ended_at = CASE WHEN $2::timestamptz = '1000-01-01Z' AND $3::timestamptz = '1000-01-01Z' THEN '-infinity'
                    ELSE nullif($3::timestamptz, '9000-01-01Z') END
WHERE pairing_id = $1;

-- name: implantations
SELECT implantation_id, greatest(began_at, '1000-01-01Z') AS since, implanted, patient_ref
FROM implantations WHERE pump_id = $1 ORDER BY began_at;

-- name: begin_implantation
INSERT INTO implantations (pump_id, began_at, implanted, patient_ref) VALUES ($1, $2, $3, $4);

-- name: name_patient
UPDATE implantations SET patient_ref = $2 WHERE implantation_id = $1;

-- name: take_back_implantation
DELETE FROM implantations WHERE implantation_id = $1;

-- name: memberships
SELECT clinic_id, greatest(began_at, '1000-01-01Z') AS since, least(ended_at, '9000-01-01Z') AS until
FROM memberships WHERE pump_id = $1 AND ended_at > began_at ORDER BY began_at;

-- name: move_pump
WITH ended AS (UPDATE memberships SET ended_at = $3 WHERE pump_id = $1 AND ended_at = 'infinity')
INSERT INTO memberships (pump_id, clinic_id, began_at) VALUES ($1, $2, $3);

-- name: set_clinic
UPDATE devices SET clinic_id = $2 WHERE device_id = ANY ($1::text[]);

-- name: stored_events
-- How many events of the device $1 are stored for the pump $2, observed at or after $3 and before $4.
SELECT sum(n)::bigint FROM (
    SELECT count(*) AS n FROM reservoir_readings
    WHERE device_id = $1 AND pump_id = $2 AND observed_at >= $3 AND observed_at < $4
    UNION ALL SELECT count(*) FROM bolus_requests
    WHERE device_id = $1 AND pump_id = $2 AND observed_at >= $3 AND observed_at < $4
    UNION ALL SELECT count(*) FROM pump_alarms
    WHERE device_id = $1 AND pump_id = $2 AND observed_at >= $3 AND observed_at < $4
    UNION ALL SELECT count(*) FROM therapies
    WHERE device_id = $1 AND pump_id = $2 AND observed_at >= $3 AND observed_at < $4
    UNION ALL SELECT count(*) FROM refills
    WHERE device_id = $1 AND pump_id = $2 AND observed_at >= $3 AND observed_at < $4
    UNION ALL SELECT count(*) FROM device_statuses
    WHERE device_id = $1 AND pump_id = $2 AND observed_at >= $3 AND observed_at < $4
    UNION ALL SELECT count(*) FROM patient_reports
    WHERE device_id = $1 AND pump_id = $2 AND observed_at >= $3 AND observed_at < $4) each;

-- name: open_alerts
SELECT priority, title, opened_at FROM alerts WHERE pump_id = $1 AND state <> 'closed'
ORDER BY priority_rank(priority), opened_at;

-- name: record_change
INSERT INTO registry_changes (actor, command, device_ids, detail) VALUES ($1, $2, $3, $4::jsonb);

-- name: changes
SELECT at, actor, login, command, detail FROM registry_changes WHERE device_ids @> ARRAY[$1::text]
ORDER BY change_id DESC LIMIT 20;

-- name: queue_evaluation
WITH queued AS (INSERT INTO evaluation_queue (pump_ids, urgent) VALUES ($1::text[], true))
SELECT CASE WHEN pg_notification_queue_usage() < 0.9 THEN pg_notify('pumps_changed', '') END;

-- name: list_devices
-- Of the clinic $1 and the kind $2, with $3 also those that are retired, in the state $4, not heard since $5, and whose certificate ends
-- before $6 (null: any); so many ($7) after so many ($8). Each row says how many there are in all; where none is left to show, one
-- row without a device says it.
WITH found AS (
    SELECT * FROM (
        SELECT d.device_id, d.kind, d.clinic_id,
               CASE WHEN d.retired_at IS NOT NULL THEN 'retired' WHEN d.kind = 'handheld' AND p.pump_id IS NULL THEN 'unpaired'
                    WHEN d.kind = 'pump' AND NOT i.implanted THEN 'explanted' ELSE 'in use' END AS state,
               coalesce(p.pump_id, i.patient_ref) AS belongs_to, s.received_at AS last_heard_at, c.ends_at AS certificate_ends_at
        FROM devices d
        LEFT JOIN pairings p ON p.handheld_id = d.device_id AND p.ended_at IS NULL
        LEFT JOIN LATERAL (SELECT implanted, patient_ref FROM implantations WHERE pump_id = d.device_id
                           ORDER BY began_at DESC LIMIT 1) i ON true
        LEFT JOIN device_last_seen s ON s.device_id = d.device_id
        LEFT JOIN LATERAL (SELECT max(c.not_after) AS ends_at FROM certificates c
                           WHERE c.device_id = d.device_id AND c.revoked_at IS NULL) c ON true
        WHERE ($1::text IS NULL OR d.clinic_id = $1) AND ($2::text IS NULL OR d.kind = $2)
          AND ($3::boolean OR d.retired_at IS NULL)
          AND ($5::timestamptz IS NULL OR s.received_at IS NULL OR s.received_at < $5)
          AND ($6::timestamptz IS NULL OR c.ends_at < $6)
    ) each WHERE $4::text IS NULL OR state = $4
), shown AS (SELECT * FROM found ORDER BY clinic_id, device_id LIMIT $7 OFFSET $8)
SELECT counted.total, shown.*,
       (SELECT count(*)::int FROM alerts a WHERE a.pump_id = shown.device_id AND a.state <> 'closed') AS open_alerts
FROM (SELECT count(*) AS total FROM found) counted LEFT JOIN shown ON true
ORDER BY shown.clinic_id, shown.device_id;
