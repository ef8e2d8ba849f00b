-- What people and programs read.

-- name: tell_who_asks
-- For this connection until the next caller: the person $1 and the key $2 (empty: none). A pool resets nothing by itself.
SELECT set_config('pumpwatch.person', $1, false), set_config('pumpwatch.key', $2, false);

-- name: kept_key
-- A key, and the clinics that it reaches.
SELECT k.key_id, k.digest, k.clinic_id, k.scopes, k.expires_at, k.revoked_at, k.name,
       CASE WHEN k.clinic_id IS NULL THEN ARRAY(SELECT c.clinic_id FROM clinics c) ELSE ARRAY[k.clinic_id] END AS clinics
FROM api_keys k WHERE k.key_id = $1;

-- name: key_used
UPDATE api_keys SET last_used_at = $2 WHERE key_id = $1 AND (last_used_at IS NULL OR last_used_at < $2::timestamptz - interval '1 minute');

-- name: clinic_of_alert
SELECT clinic_id FROM alerts WHERE alert_id = $1;

-- name: clinic_of_silence
SELECT clinic_id FROM silences WHERE silence_id = $1;

-- name: list_alerts
-- Alerts in the states $1 of the clinics $2, the most urgent that nobody has first; at most $3.
SELECT alert_id, clinic_id, pump_id, rule, key, priority, state, title, explanation, said, evidence, since, opened_at, updated_at,
       acknowledged_by, acknowledged_at, acknowledgement_expires_at, cleared_at, closed_at, policy_version, resolved_by,
       resolved_at, resolution, accepted_by, accepted_at, acceptance, accepted_since, accepted_per_day
FROM alerts a
WHERE a.state = ANY ($1::text[]) AND a.clinic_id = ANY ($2::text[])
ORDER BY CASE a.state WHEN 'active' THEN 0 WHEN 'cleared' THEN 1 WHEN 'acknowledged' THEN 2 ELSE 3 END,
         CASE WHEN a.state <> 'closed' THEN priority_rank(a.priority) END,
         coalesce(a.closed_at, a.opened_at) DESC, a.alert_id
LIMIT $3;

-- name: one_alert
SELECT alert_id, clinic_id, pump_id, rule, key, priority, state, title, explanation, said, evidence, since, opened_at, updated_at,
       acknowledged_by, acknowledged_at, acknowledgement_expires_at, cleared_at, closed_at, policy_version, resolved_by,
       resolved_at, resolution, accepted_by, accepted_at, acceptance, accepted_since, accepted_per_day
FROM alerts WHERE alert_id = $1;

-- name: alerts_in_scope
-- Alerts of the clinic $1 in the states $4, of one pump ($2) and rule ($3), or of any (null).
SELECT alert_id, pump_id, rule, priority, state, title FROM alerts
WHERE clinic_id = $1 AND ($2::text IS NULL OR pump_id = $2) AND ($3::text IS NULL OR rule = $3) AND state = ANY ($4::text[])
ORDER BY priority_rank(priority), opened_at DESC, alert_id;

-- name: transitions_of
SELECT clinic_seq, at, kind, from_state, to_state, priority, reason, actor, detail
FROM alert_transitions WHERE alert_id = $1 ORDER BY clinic_seq;

-- name: deliveries_of
SELECT alert_id, delivery_id, kind, episode, step, contact, channel, priority, state, created_at, due_at, attempts,
       last_error, sent_at, held_by, group_id IS NOT NULL AS grouped, bypassed, receipt_said, receipt_said_at
FROM deliveries WHERE alert_id = ANY ($1::uuid[]) AND NOT follow_up ORDER BY created_at, contact, channel;
