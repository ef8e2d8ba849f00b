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

-- name: audit_summary
SELECT clinic_id, count(*) AS transitions FROM alert_transitions GROUP BY clinic_id ORDER BY clinic_id;

-- name: audit_breaks
-- Every place where the chain of a clinic does not hold: a row that is not what was hashed, a row that does not follow the
-- one before it, and an end that is not the one that was written last.
WITH linked AS (
    SELECT t AS whole, t.clinic_id, t.clinic_seq, t.previous_hash, t.row_hash,
           lag(t.clinic_seq, 1, 0::bigint) OVER chain AS seq_before,
           lag(t.row_hash, 1, '\x'::bytea) OVER chain AS hash_before
    FROM alert_transitions t
    WINDOW chain AS (PARTITION BY t.clinic_id ORDER BY t.clinic_seq)
),
last AS (
    SELECT DISTINCT ON (clinic_id) clinic_id, clinic_seq, row_hash
    FROM alert_transitions ORDER BY clinic_id, clinic_seq DESC
)
SELECT clinic_id, clinic_seq, 'the row was changed after it was written' AS fault
FROM linked WHERE row_hash <> alert_transition_hash(whole)
UNION ALL
SELECT clinic_id, clinic_seq, 'the row before it is missing or is another'
FROM linked WHERE clinic_seq <> seq_before + 1 OR previous_hash <> hash_before
UNION ALL
SELECT coalesce(h.clinic_id, l.clinic_id), coalesce(h.clinic_seq, l.clinic_seq), 'the last row is missing'
FROM audit_heads h FULL JOIN last l USING (clinic_id)
WHERE (coalesce(h.clinic_seq, 0), coalesce(h.row_hash, '\x'))
      IS DISTINCT FROM (coalesce(l.clinic_seq, 0), coalesce(l.row_hash, '\x'))
ORDER BY 1, 2;
