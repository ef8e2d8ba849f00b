-- What is paged past a database that is away.

-- name: registry
SELECT device_id, clinic_id, pump_id, pumps, begins, ends FROM registry WHERE pump_id IS NOT NULL OR pumps IS NOT NULL;

-- name: open_high
SELECT pump_id, rule, key FROM alerts WHERE state <> 'closed' AND state <> 'cleared' AND priority = 'high';

-- name: stored_alarms
-- Which of the events $3 of the pumps $1 are stored at the time $2, or (null: they were refused for it) are kept as refused.
SELECT p.event_id
FROM unnest($1::text[], $2::timestamptz[], $3::uuid[]) AS n (pump_id, observed_at, event_id)
JOIN pump_alarms p ON p.pump_id = n.pump_id AND p.observed_at = n.observed_at AND p.event_id = n.event_id
UNION ALL
SELECT r.event_id FROM unnest($1::text[], $2::timestamptz[], $3::uuid[]) AS n (pump_id, observed_at, event_id)
JOIN refused_alarms r ON r.pump_id = n.pump_id AND r.event_id = n.event_id;

-- name: insert_bypassed
INSERT INTO bypassed_pages (event_id, pump_id, clinic_id, rule, key, step, contact, channel, priority, title, body, sent_at)
SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::integer[], $7::text[], $8::text[],
                     $9::text[], $10::text[], $11::text[], $12::timestamptz[])
ON CONFLICT DO NOTHING;

-- name: bypassed_to_settle
-- Pages about the pumps $1 that went out while the database was away, and whether their event is stored. A device that
-- said it twice may have the second event stored before the first, and the alert is about either.
SELECT b.*, EXISTS (SELECT FROM pump_alarms p WHERE p.pump_id = b.pump_id AND p.event_id = b.event_id)
            OR EXISTS (SELECT FROM refused_alarms r WHERE r.pump_id = b.pump_id AND r.event_id = b.event_id) AS stored
FROM bypassed_pages b WHERE b.settled_at IS NULL AND b.pump_id = ANY ($1::text[])
FOR UPDATE;

-- name: adopt_bypassed
-- The page $1 ($2: its step, $3 its contact, $4 its channel) belongs to the episode $6, $7 of the alert $5 (null: it is over).
WITH settled AS (
    UPDATE bypassed_pages SET settled_at = $8, alert_id = $5
    WHERE event_id = $1 AND step = $2 AND contact = $3 AND channel = $4
    RETURNING *)
INSERT INTO deliveries (alert_id, clinic_id, kind, episode, step, contact, channel, priority, title, body, state, created_at, due_at,
                        attempts, sent_at, bypassed)
SELECT alert_id, clinic_id, $6, $7, step, contact, channel, priority, title, body, 'sent', sent_at, sent_at, 1, sent_at, true
FROM settled WHERE alert_id IS NOT NULL
ON CONFLICT DO NOTHING;
