-- The audit trail as it is checked, copied and anchored. Rows are appended in services/alerts/lifecycle/queries.sql.

-- name: audit_rows
-- The audit trail of the clinic $1 (null: every one) in order, each row with the hash that its content gives now.
SELECT t.clinic_id, t.clinic_seq, t.previous_hash, t.row_hash, alert_transition_hash(t) AS computed_hash, t.at, t.recorded_at
FROM alert_transitions t WHERE ($1::text IS NULL OR t.clinic_id = $1) ORDER BY t.clinic_id, t.clinic_seq;

-- name: erased_rows
-- What the trail of the clinic $1 (null: every one) says of rows before that lost their text: the hash of what is left.
SELECT t.clinic_id, r.key::bigint AS clinic_seq, r.value AS hash
FROM alert_transitions t CROSS JOIN LATERAL jsonb_each_text(t.detail -> 'rows') AS r
WHERE t.kind = 'erased' AND ($1::text IS NULL OR t.clinic_id = $1) AND jsonb_typeof(t.detail -> 'rows') = 'object'
  AND CASE WHEN r.key ~ '^[0-9]{1,18}$' THEN r.key::bigint < t.clinic_seq END
ORDER BY t.clinic_id, t.clinic_seq;

-- name: audit_heads
SELECT clinic_id, clinic_seq, row_hash FROM audit_heads WHERE ($1::text IS NULL OR clinic_id = $1) ORDER BY clinic_id;

-- name: last_rows
-- Where each clinic's trail ends by its rows, whatever the heads say.
SELECT l.clinic_id, l.clinic_seq, l.row_hash
FROM clinics c CROSS JOIN LATERAL (
    SELECT clinic_id, clinic_seq, row_hash FROM alert_transitions
    WHERE clinic_id = c.clinic_id ORDER BY clinic_seq DESC LIMIT 1) l
ORDER BY l.clinic_id;

-- name: audit_entries
-- Everything that stands in the trail of the clinic $1 (null: of every one), in order, with what the alert is about.
SELECT t.clinic_id, t.clinic_seq, t.at, t.recorded_at, t.recorded_by, t.alert_id, a.pump_id, a.rule, t.kind, t.from_state,
       t.to_state, t.priority, t.reason, t.actor, t.detail, encode(t.previous_hash, 'hex') AS previous_hash,
       encode(t.row_hash, 'hex') AS row_hash
FROM alert_transitions t LEFT JOIN alerts a USING (alert_id)
WHERE ($1::text IS NULL OR t.clinic_id = $1) ORDER BY t.clinic_id, t.clinic_seq;

-- name: access_rows
-- What persons did and read, in order, each row with the hash that its content gives now: one chain for the installation.
SELECT '' AS clinic_id, l.access_seq AS clinic_seq, l.previous_hash, l.row_hash, access_log_hash(l) AS computed_hash, l.at,
       l.recorded_at
FROM access_log l ORDER BY l.access_seq;

-- name: access_heads
SELECT '' AS clinic_id, access_seq AS clinic_seq, row_hash FROM access_log_head;

-- name: access_entries
-- Everything that stands there, in order; $1 the clinic that it is about (null: every one, and none).
SELECT access_seq, at, recorded_at, recorded_by, kind, actor, person_id, clinic_id, pump_id, detail,
       encode(previous_hash, 'hex') AS previous_hash, encode(row_hash, 'hex') AS row_hash
FROM access_log WHERE $1::text IS NULL OR clinic_id = $1 ORDER BY access_seq;
