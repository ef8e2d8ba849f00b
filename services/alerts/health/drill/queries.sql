-- What the drill writes down, and what it reads of how far it came.

-- name: enrol
SELECT enrol_drill();

-- name: last_due
SELECT max(due_at) FROM drills WHERE asked_by IS NULL;

-- name: plan
-- The drill that is due at $1, once.
INSERT INTO drills (due_at, planned_at) VALUES ($1, $2)
ON CONFLICT (due_at) WHERE asked_by IS NULL DO NOTHING;

-- name: give_up
-- What was planned before $2 and has not begun, $3: why.
UPDATE drills SET begun_at = $1, ended_at = $1, cleared_at = $1, missed = $3
WHERE begun_at IS NULL AND planned_at < $2;

-- name: stands
-- Whether an alert of the pump $1 is open.
SELECT EXISTS (SELECT FROM alerts WHERE pump_id = $1 AND rule = 'pump_alarm' AND state <> 'closed');

-- name: ask
INSERT INTO drills (due_at, planned_at, asked_by) VALUES ($1, $1, $2) RETURNING drill_id;

-- name: take_back
DELETE FROM drills WHERE drill_id = $1 AND begun_at IS NULL RETURNING drill_id;

-- name: begin
-- The oldest that waits, if none is under way.
UPDATE drills SET begun_at = $1
WHERE drill_id = (SELECT drill_id FROM drills WHERE begun_at IS NULL ORDER BY due_at LIMIT 1 FOR UPDATE SKIP LOCKED)
  AND NOT EXISTS (SELECT FROM drills WHERE begun_at IS NOT NULL AND cleared_at IS NULL)
RETURNING drill_id, due_at, asked_by, event_id, begun_at, accepted_at, stored_at, opened_at, paged_at, ended_at, missed, cleared_at;

-- name: under_way
SELECT drill_id, due_at, asked_by, event_id, begun_at, accepted_at, stored_at, opened_at, paged_at, ended_at, missed, cleared_at
FROM drills WHERE begun_at IS NOT NULL AND cleared_at IS NULL;

-- name: drill
SELECT drill_id, due_at, asked_by, event_id, begun_at, accepted_at, stored_at, opened_at, paged_at, ended_at, missed, cleared_at
FROM drills WHERE drill_id = $1;

-- name: newest
SELECT drill_id, due_at, asked_by, event_id, begun_at, accepted_at, stored_at, opened_at, paged_at, ended_at, missed, cleared_at
FROM drills ORDER BY due_at DESC LIMIT $1;

-- name: last_ended
SELECT drill_id, due_at, asked_by, event_id, begun_at, accepted_at, stored_at, opened_at, paged_at, ended_at, missed, cleared_at
FROM drills WHERE ended_at IS NOT NULL ORDER BY ended_at DESC LIMIT 1;

-- name: passed_at
SELECT max(ended_at) FROM drills WHERE ended_at IS NOT NULL AND missed IS NULL;

-- name: sent
UPDATE drills SET accepted_at = coalesce(accepted_at, $2), stored_at = coalesce(stored_at, $3) WHERE drill_id = $1;

-- name: reached
-- How far the drill $1 came: the first alert of the pump $2 since it began that is no other drill's, and its first page.
WITH opened AS (
    SELECT a.alert_id, a.opened_at FROM alerts a, drills d
    WHERE d.drill_id = $1 AND a.pump_id = $2 AND a.rule = 'pump_alarm' AND a.opened_at > d.begun_at - interval '1 minute'
      AND NOT EXISTS (SELECT FROM drills o WHERE o.alert_id = a.alert_id AND o.drill_id <> $1)
    ORDER BY a.opened_at LIMIT 1)
UPDATE drills SET alert_id = o.alert_id, opened_at = o.opened_at,
                  paged_at = (SELECT min(p.sent_at) FROM deliveries p WHERE p.alert_id = o.alert_id AND p.state = 'sent')
FROM opened o
WHERE drill_id = $1 AND ended_at IS NULL
RETURNING o.opened_at, paged_at,
          (SELECT p.last_error FROM deliveries p WHERE p.alert_id = o.alert_id AND p.last_error IS NOT NULL
           ORDER BY p.created_at DESC LIMIT 1) AS last_error;

-- name: end
UPDATE drills SET ended_at = $2, missed = $3 WHERE drill_id = $1 AND ended_at IS NULL;

-- name: cleared
UPDATE drills SET cleared_at = $2 WHERE drill_id = $1 AND cleared_at IS NULL;

-- name: claim_to_tell
-- One that was missed and of which nobody was told; whoever claims it has until $2. Older ones are no news.
UPDATE drills SET telling_until = $2
WHERE drill_id = (SELECT drill_id FROM drills
                  WHERE missed IS NOT NULL AND told_at IS NULL AND ended_at > $1::timestamptz - interval '1 day'
                    AND coalesce(telling_until, $1) <= $1
                  ORDER BY ended_at LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING drill_id, due_at, missed;

-- name: told
UPDATE drills SET told_at = $2 WHERE drill_id = $1;

-- name: forget
DELETE FROM drills WHERE due_at < $1;
