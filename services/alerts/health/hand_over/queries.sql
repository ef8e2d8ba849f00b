-- What is open when a turn ends. The worker reads the tables; the web process, by the same names, what its caller may see.

-- name: still_open
-- By clinic.
SELECT clinic_id, waiting, taken, worst_rank, promises
FROM (SELECT clinic_id, count(*) FILTER (WHERE state = 'active') AS waiting,
             count(*) FILTER (WHERE state <> 'active') AS taken,
             min(priority_rank(priority)) FILTER (WHERE state = 'active') AS worst_rank
      FROM alerts WHERE state <> 'closed' GROUP BY clinic_id) a
FULL JOIN (SELECT p.clinic_id, count(*) AS promises FROM promises p JOIN alerts a USING (alert_id)
           WHERE p.kept_at IS NULL AND a.state <> 'closed' GROUP BY p.clinic_id) q USING (clinic_id);

-- name: accepted_since
SELECT rota_id, begins, accepted_at, accepted_name FROM hand_overs WHERE begins >= $1;

-- name: accept
-- The first word stays.
INSERT INTO hand_overs (rota_id, begins, clinic_id, person_id, accepted_at, accepted_by, accepted_name)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT DO NOTHING;

-- name: open_promises
-- Of one clinic ($1) or of all (null), due by $2; the soonest first.
SELECT p.promise_id, p.clinic_id, p.alert_id, a.pump_id, a.title, p.words, p.due_at, p.made_at, p.made_name
FROM promises p JOIN alerts a USING (alert_id)
WHERE p.kept_at IS NULL AND a.state <> 'closed' AND ($1::text IS NULL OR p.clinic_id = $1) AND p.due_at <= $2
ORDER BY p.due_at, p.promise_id
LIMIT 500;

-- name: promises_of_alert
SELECT p.promise_id, p.clinic_id, p.alert_id, a.pump_id, a.title, p.words, p.due_at, p.made_at, p.made_name
FROM promises p JOIN alerts a USING (alert_id)
WHERE p.alert_id = $1 AND p.kept_at IS NULL
ORDER BY p.due_at, p.promise_id;

-- name: make_promise
INSERT INTO promises (promise_id, clinic_id, alert_id, words, due_at, made_at, made_by, made_name)
SELECT $1, clinic_id, alert_id, $3, $4, $5, $6, $7 FROM alerts WHERE alert_id = $2;

-- name: keep_promise
UPDATE promises SET kept_at = $3, kept_by = $4, kept_name = $5
WHERE promise_id = $1 AND alert_id = $2 AND kept_at IS NULL
RETURNING words;

-- name: at_risk
-- Pumps of a clinic that are to be refilled by $2, or whose events could not be judged at the last try.
SELECT d.device_id AS pump_id, d.clinic_id, t.refill_due, coalesce(e.failures, 0) > 0 AS is_not_judged
FROM devices d
LEFT JOIN pump_evaluations e ON e.pump_id = d.device_id
LEFT JOIN LATERAL (SELECT refill_due FROM therapies t WHERE t.pump_id = d.device_id
                   ORDER BY judged_at(observed_at, received_at) DESC, received_at DESC, seq DESC NULLS LAST, event_id DESC
                   LIMIT 1) t ON true
WHERE d.clinic_id = $1 AND d.kind = 'pump' AND d.retired_at IS NULL AND (t.refill_due <= $2 OR e.failures > 0)
ORDER BY t.refill_due NULLS LAST, d.device_id
LIMIT 200;

-- name: zones_of
-- By what clock the people of these clinics go: that of the first rota of each. A clinic without one is not there.
SELECT DISTINCT ON (r.clinic_id) r.clinic_id, v.timezone FROM rotas r JOIN rota_versions v USING (rota_id)
WHERE r.clinic_id = ANY ($1::text[]) AND r.removed_at IS NULL
ORDER BY r.clinic_id, r.name, v.version DESC;
