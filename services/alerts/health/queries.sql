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
INSERT INTO worker_states (worker_id, at, warnings, public_url) VALUES ($1, $2, $3::json, $4)
ON CONFLICT (worker_id) DO UPDATE SET at = excluded.at, warnings = excluded.warnings, public_url = excluded.public_url;

-- name: warnings_of_workers
-- What the workers say that have been heard of since then.
SELECT s.warnings FROM worker_states s JOIN worker_heartbeats h USING (worker_id)
WHERE h.service = 'alerts' AND h.at >= $1
ORDER BY worker_id;

-- name: watch_status
-- Whether what the board shows is current: the oldest work that waits, and when each service last lived.
SELECT oldest_queued_at, oldest_evaluated_at, pumps, unjudged, alerts_alive_at, ingest_alive_at FROM watch_status;

-- name: clinics_with_pumps
SELECT clinic_id FROM clinics_with_pumps ORDER BY clinic_id;

-- name: unreached
-- Active alerts of which somebody should have been told and nobody was.
SELECT clinic_id, alerts FROM unreached_alerts;

-- name: upkeep
SELECT kind, name, done_until, overdue_since FROM upkeep ORDER BY kind, name;

-- name: came_of_notices
-- What came of the pages of one notice: whether they went out, or will not.
SELECT channel AS name, CASE WHEN state IN ('sent', 'failed', 'cancelled') THEN coalesce(sent_at, created_at) END AS ended_at,
       sent_at, last_error AS error
FROM deliveries WHERE clinic_id = $1 AND kind = 'notice' AND episode = $2 ORDER BY channel;
