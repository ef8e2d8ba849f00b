-- What is sent again to programs.

-- name: claim_resend
-- Of a replay that is due at $1, the message that is next, held until $2. One that a process left when it died is due again then.
WITH picked AS (
    SELECT r.replay_id FROM webhook_replays r
    WHERE r.ended_at IS NULL AND r.due_at <= $1 AND (r.claimed_until IS NULL OR r.claimed_until < $1)
    ORDER BY r.due_at LIMIT 1 FOR UPDATE SKIP LOCKED),
claimed AS (
    UPDATE webhook_replays r SET claimed_until = $2, attempts = attempts + 1 FROM picked
    WHERE r.replay_id = picked.replay_id RETURNING r.replay_id, r.attempts)
SELECT c.replay_id, c.attempts AS tried, s.position, d.delivery_id, d.clinic_id, d.contact, d.channel, d.kind, d.episode, d.step, d.priority,
       d.title, d.body, d.attempts, d.created_at, a.pump_id, a.rule, a.alert_id, a.key, i.patient_ref, true AS wanted
FROM claimed c
CROSS JOIN LATERAL (SELECT n.position, n.delivery_id FROM webhook_resends n WHERE n.replay_id = c.replay_id AND n.ended_at IS NULL
                    ORDER BY n.position LIMIT 1) s
JOIN deliveries d USING (delivery_id)
LEFT JOIN alerts a USING (alert_id)
LEFT JOIN implantations i  -- as for a page that goes out for the first time (services/alerts/delivery/queries.sql)
    ON i.pump_id = a.pump_id AND a.rule <> 'pump_unjudged'
   AND (i.implantation_id = a.implantation_id OR (a.implantation_id IS NULL AND i.began_at = '-infinity'))
   AND EXISTS (SELECT FROM devices v WHERE v.device_id = a.pump_id AND v.clinic_id = a.clinic_id);

-- name: record_resent
-- The message $2 of the replay $1 went out ($4 null), or never will. The next one is due; after the last one the replay is over.
WITH done AS (
    UPDATE webhook_resends SET ended_at = $3::timestamptz, error = $4 WHERE replay_id = $1 AND position = $2)
UPDATE webhook_replays r
SET claimed_until = NULL, attempts = 0, due_at = $3::timestamptz,
    ended_at = CASE WHEN NOT EXISTS (SELECT FROM webhook_resends n
                                     WHERE n.replay_id = $1 AND n.position <> $2 AND n.ended_at IS NULL) THEN $3::timestamptz END
WHERE r.replay_id = $1;

-- name: put_off_replay
UPDATE webhook_replays SET claimed_until = NULL, due_at = $2 WHERE replay_id = $1;

-- name: stop_replay
UPDATE webhook_replays SET claimed_until = NULL, ended_at = $2, stopped = $3 WHERE replay_id = $1 AND ended_at IS NULL;
