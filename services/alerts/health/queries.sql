-- Signs of life.

-- name: record_heartbeat
INSERT INTO worker_heartbeats AS w (worker_id, service, at, beaten_at) VALUES ($1, 'alerts', $2, clock_timestamp())
ON CONFLICT (worker_id) DO UPDATE
SET at = excluded.at, beaten_at = excluded.beaten_at,
    beating_since = CASE WHEN w.beaten_at < excluded.beaten_at - interval '3 seconds' THEN excluded.beaten_at
                         ELSE w.beating_since END;

-- name: forget_heartbeats
WITH gone AS (DELETE FROM worker_heartbeats WHERE service = 'alerts' AND at < $1)
DELETE FROM worker_states WHERE at < $1;

-- name: say_state
INSERT INTO worker_states (worker_id, at, warnings) VALUES ($1, $2, $3::json)
ON CONFLICT (worker_id) DO UPDATE SET at = excluded.at, warnings = excluded.warnings;

-- name: warnings_of_workers
-- What the workers say that have been heard of since then.
SELECT s.warnings FROM worker_states s JOIN worker_heartbeats h USING (worker_id)
WHERE h.service = 'alerts' AND h.at >= $1
ORDER BY worker_id;

-- name: watch_status
-- Whether what the board shows is current: the oldest work that waits, and when each service last lived.
SELECT (SELECT min(queued_at) FROM evaluation_queue) AS oldest_queued_at,
       (SELECT min(e.evaluated_at) FROM pump_evaluations e) AS oldest_evaluated_at,
       (SELECT count(*) FROM devices WHERE kind = 'pump' AND retired_at IS NULL) AS pumps,
       (SELECT count(*) FROM pump_evaluations WHERE failures > 0) AS unjudged,
       (SELECT max(at) FROM worker_heartbeats WHERE service = 'alerts') AS alerts_alive_at,
       (SELECT max(at) FROM worker_heartbeats WHERE service = 'ingest') AS ingest_alive_at;

-- name: clinics_with_pumps
SELECT clinic_id FROM clinics c
WHERE EXISTS (SELECT FROM devices d WHERE d.clinic_id = c.clinic_id AND d.kind = 'pump' AND d.retired_at IS NULL)
ORDER BY clinic_id;

-- name: unreached
-- Active alerts of which somebody should have been told and nobody was: no try has worked, and nothing holds the pages.
SELECT a.clinic_id, count(*) AS alerts
FROM alerts a
WHERE a.state = 'active'
  AND NOT EXISTS (SELECT FROM deliveries d WHERE d.alert_id = a.alert_id AND NOT d.follow_up
                    AND (d.state = 'sent' OR (d.state IN ('due', 'sending', 'grouped') AND d.last_error IS NULL)))
  AND (a.priority IN ('high', 'medium') OR EXISTS (SELECT FROM deliveries d WHERE d.alert_id = a.alert_id))
GROUP BY a.clinic_id;

-- name: upkeep
SELECT kind, name, done_until, overdue_since FROM upkeep ORDER BY kind, name;
