-- What is paged past a database that is away.

-- name: registry
SELECT device_id, clinic_id, pump_id, pumps, begins, ends FROM registry WHERE pump_id IS NOT NULL OR pumps IS NOT NULL;

-- name: open_high
SELECT pump_id, rule, key FROM alerts WHERE state <> 'closed' AND state <> 'cleared' AND priority = 'high';

-- name: traces
-- What is known of the events $3 that were heard of devices ($4) for the pumps $1: dated $2 (null: they will be refused for
-- it), with the code $5, received $6. $7: the entry of the queue up to which is looked; null: all that cannot wait.
WITH waiting AS MATERIALIZED (
    SELECT queue_id, unnest(pump_ids) AS pump_id FROM evaluation_queue WHERE urgent)
SELECT n.event_id, s.stored,
       (SELECT max(w.queue_id) FROM waiting w
        WHERE s.stored AND w.pump_id = n.pump_id AND w.queue_id <= coalesce(n.queued_as, w.queue_id)) AS queued_as,
       EXISTS (SELECT FROM dead_letters d
               WHERE d.device_id = n.device_id AND d.last_received_at > n.received_at - interval '1 minute'
                 AND d.event_id = n.event_id AND d.reason <> 'refused_by_database' AND NOT s.stored)
       OR EXISTS (SELECT FROM pump_alarms c
                  WHERE c.pump_id = n.pump_id AND c.code = n.code AND c.state = 'cleared'
                    AND c.observed_at > n.observed_at AND c.received_at > n.observed_at)
       -- A pump that is in nobody raises no high alert.
       OR NOT coalesce((SELECT implanted FROM implantations i WHERE i.pump_id = n.pump_id
                        ORDER BY began_at DESC LIMIT 1), true) AS settled
FROM unnest($1::text[], $2::timestamptz[], $3::uuid[], $4::text[], $5::text[], $6::timestamptz[], $7::bigint[])
         AS n (pump_id, observed_at, event_id, device_id, code, received_at, queued_as),
     LATERAL (SELECT EXISTS (SELECT FROM pump_alarms p
                             WHERE p.pump_id = n.pump_id AND p.observed_at = n.observed_at AND p.event_id = n.event_id)
                  OR EXISTS (SELECT FROM refused_alarms r
                             WHERE r.pump_id = n.pump_id AND r.event_id = n.event_id) AS stored) s;

-- name: told_already
-- What went out about the events $1, whichever process sent it.
SELECT event_id, step, contact, channel FROM bypassed_pages WHERE event_id = ANY ($1::uuid[]);

-- name: workers_before
-- How many other alert processes live whose name comes before $1.
SELECT count(*) FROM worker_heartbeats
WHERE service = 'alerts' AND worker_id < $1 AND beaten_at > clock_timestamp() - interval '3 seconds';

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
