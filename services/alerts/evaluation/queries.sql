-- The queue of pumps that changed, and when each is looked at. Times are parameters, so that everything can be replayed.

-- name: plan_once
-- For the rest of the transaction, plan each statement once for a connection and not for each set of values: planning the
-- facts takes four times as long as the facts of one pump, and every set of values wants the same plan.
-- A statement that hangs ends, and is tried again; meanwhile the bypass pages (docs/decisions/0021-no-lock-that-a-reader-can-take.md).
SELECT set_config('plan_cache_mode', 'force_generic_plan', true), set_config('statement_timeout', '20s', true);

-- name: read_queue
-- Hold the oldest $1 entries, of the urgent ones or of the others, that no other worker holds.
SELECT queue_id, pump_ids, queued_at FROM evaluation_queue
WHERE urgent = $2 ORDER BY queue_id LIMIT $1 FOR UPDATE SKIP LOCKED;

-- name: finish_entries
-- Gone with the transaction that evaluates them, and back if it fails.
DELETE FROM evaluation_queue WHERE queue_id = ANY ($1::bigint[]);

-- name: leave_in_entry
UPDATE evaluation_queue SET pump_ids = $2::text[] WHERE queue_id = $1;

-- name: take_sweep_slice
-- Up to $2 pumps that nobody has evaluated since $1 and that no other worker holds.
SELECT pump_id FROM pump_evaluations WHERE evaluated_at < $1
ORDER BY evaluated_at LIMIT $2 FOR UPDATE SKIP LOCKED;

-- name: take_due_slice
-- Up to $2 pumps that are due at $1 and that no other worker holds; due no more, unless the evaluation says so.
UPDATE pump_evaluations SET due_at = NULL
WHERE pump_id IN (SELECT pump_id FROM pump_evaluations WHERE due_at <= $1 ORDER BY due_at LIMIT $2 FOR UPDATE SKIP LOCKED)
RETURNING pump_id;

-- name: lock_pumps
-- Lock the pumps among $1, always in the same order, so that two workers wait for each other and never deadlock.
INSERT INTO pump_evaluations (pump_id, evaluated_at)
SELECT device_id, $2 FROM devices WHERE device_id = ANY ($1::text[]) AND kind = 'pump' ORDER BY device_id
ON CONFLICT (pump_id) DO UPDATE SET evaluated_at = excluded.evaluated_at
RETURNING pump_id, due_at, failures, come_by, come_by_seen_at;

-- name: set_due
UPDATE pump_evaluations e SET due_at = n.due_at FROM unnest($1::text[], $2::timestamptz[]) AS n (pump_id, due_at)
WHERE e.pump_id = n.pump_id;

-- name: set_come_by
-- By when patients should come, seen at $3.
UPDATE pump_evaluations e SET come_by = n.come_by, come_by_seen_at = $3
FROM unnest($1::text[], $2::timestamptz[]) AS n (pump_id, come_by) WHERE e.pump_id = n.pump_id;

-- name: count_failures
-- One more for the pumps $2, and none any more for those of $1 that are not among them.
UPDATE pump_evaluations SET failures = CASE WHEN pump_id = ANY ($2::text[]) THEN failures + 1 ELSE 0 END
WHERE pump_id = ANY ($1::text[]) OR pump_id = ANY ($2::text[]);

-- name: clinic_of_pump
SELECT clinic_id FROM devices WHERE device_id = $1;

-- name: enrol_missing
-- Put every pump under watch that is enrolled and not yet watched.
INSERT INTO pump_evaluations (pump_id, evaluated_at)
SELECT d.device_id, $1 FROM devices d
WHERE d.kind = 'pump' AND d.retired_at IS NULL
  AND NOT EXISTS (SELECT FROM pump_evaluations e WHERE e.pump_id = d.device_id)
ORDER BY d.device_id
ON CONFLICT DO NOTHING;

-- name: forget_retired
-- A retired pump with no open alert is watched no longer.
DELETE FROM pump_evaluations e
WHERE NOT EXISTS (SELECT FROM devices d WHERE d.device_id = e.pump_id AND d.kind = 'pump' AND d.retired_at IS NULL)
  AND NOT EXISTS (SELECT FROM alerts a WHERE a.pump_id = e.pump_id AND a.state <> 'closed');

-- name: pumps_to_look_at
-- Pumps with an alert that may be due for its next step, or whose acknowledgement has expired by $1.
SELECT DISTINCT pump_id FROM alerts
WHERE state = 'active' OR (state = 'acknowledged' AND acknowledgement_expires_at <= $1)
ORDER BY pump_id;

-- name: open_of_who_is_out
-- Open alerts of the clinic $1 that the actor $2 took before $3, or that nobody has taken and their contact $4 was told of.
SELECT a.alert_id, a.pump_id FROM alerts a
WHERE a.clinic_id = $1
  AND ((a.state = 'acknowledged' AND a.acknowledged_by_id = $2 AND a.acknowledged_at < $3)
    OR (a.state = 'active' AND EXISTS (SELECT FROM deliveries d WHERE d.alert_id = a.alert_id AND d.contact = $4 AND NOT d.follow_up)))
ORDER BY a.pump_id, a.alert_id;

-- name: contacts_told
-- Of the alerts $1, to whom pages were written, by occasion.
SELECT DISTINCT alert_id, kind, episode, step, contact FROM deliveries WHERE alert_id = ANY ($1::uuid[]) AND NOT follow_up;

-- name: set_has_it
-- It stays taken until when it was, by somebody else.
UPDATE alerts SET acknowledged_by = $2, acknowledged_by_id = $3, acknowledged_at = $4, updated_at = $4
WHERE alert_id = ANY ($1::uuid[]) AND state = 'acknowledged';
