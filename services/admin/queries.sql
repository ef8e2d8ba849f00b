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

-- A rejection is settled when what it carried stands in the tables.
-- name: recent_rejections
-- $1 device or NULL, $2 reason or NULL, $3 since or NULL, $4 settled or NULL, $5 how many.
SELECT rejection_id, first_received_at, last_received_at, times_received, topic, event_index, device_id, event_id, reason,
       detail, replayed_at, replay_outcome
FROM rejected_messages
WHERE ($1::text IS NULL OR device_id = $1)
  AND ($2::text IS NULL OR reason = $2)
  AND ($3::timestamptz IS NULL OR last_received_at >= $3)
  AND ($4::boolean IS NULL OR coalesce(replay_outcome IN ('stored', 'duplicate'), false) = $4)
ORDER BY last_received_at DESC, rejection_id DESC
LIMIT $5;

-- name: rejection
SELECT * FROM rejected_messages WHERE rejection_id = $1;

-- name: rejections_by_id
SELECT rejection_id FROM rejected_messages WHERE rejection_id = ANY ($1::bigint[])
ORDER BY first_received_at, rejection_id;

-- name: unsettled_rejections
SELECT rejection_id FROM rejected_messages
WHERE ($1::text IS NULL OR device_id = $1) AND ($2::text IS NULL OR reason = $2)
  AND (replay_outcome IS NULL OR replay_outcome = 'rejected')
ORDER BY first_received_at, rejection_id;

-- What is settled stays so.
-- name: mark_replayed
UPDATE rejected_messages
SET replayed_at = $2, replay_outcome = $3, reason = coalesce($4, reason), detail = coalesce($5, detail)
WHERE rejection_id = $1 AND (replay_outcome IS NULL OR replay_outcome = 'rejected');

-- The refused events ($2 to $6) of the message that was refused as a whole.
-- name: keep_parts
INSERT INTO rejected_messages (digest, event_index, topic, device_id, event_id, payload, reason, detail,
                               first_received_at, last_received_at)
SELECT m.digest, p.event_index, m.topic, m.device_id, p.event_id, p.payload, p.reason, p.detail,
       m.first_received_at, m.last_received_at
FROM rejected_messages m,
     unnest($2::int[], $3::uuid[], $4::bytea[], $5::text[], $6::text[])
         AS p (event_index, event_id, payload, reason, detail)
WHERE m.rejection_id = $1
ON CONFLICT (digest, event_index) DO NOTHING;

-- name: count_purgeable
SELECT count(*) FROM rejected_messages
WHERE last_received_at < $1 AND ($2 OR replay_outcome IN ('stored', 'duplicate'));

-- name: purge_rejections
DELETE FROM rejected_messages
WHERE last_received_at < $1 AND ($2 OR replay_outcome IN ('stored', 'duplicate'));

-- name: sequence_gaps
SELECT device_id, gap_from, gap_to, missing, observed_after, observed_before
FROM sequence_gaps($1)
WHERE $2::text IS NULL OR device_id = $2
ORDER BY device_id, gap_from, observed_after
LIMIT $3;

-- name: clocks_off
SELECT device_id, kind, clinic_id, measured_at, clock_offset_seconds
FROM device_clocks
WHERE abs(clock_offset_seconds) > $1
ORDER BY abs(clock_offset_seconds) DESC
LIMIT $2;
