-- What the figures of alerts are made from: $1 clinics; $2 since; $3 until. The command reads the tables; the web
-- process, by the same names, what its caller may see.

-- name: weeks_watched
-- Each pump that was under watch for some of the time, and for how many weeks of it.
SELECT device_id AS pump_id, extract(epoch FROM span.ended - span.began)::float8 / 604800 AS weeks
FROM devices,
     LATERAL (SELECT greatest(enrolled_at, $2::timestamptz) AS began,
                     least(coalesce(retired_at, $3::timestamptz), $3::timestamptz) AS ended) AS span
WHERE kind = 'pump' AND clinic_id = ANY ($1::text[]) AND span.ended > span.began
ORDER BY device_id;

-- name: alerts_opened
-- The alerts that opened in the time, and what people did about each up to its end.
SELECT a.alert_id, a.clinic_id, a.pump_id, a.rule, a.key, a.priority, a.state, a.opened_at, t.taken_at, t.answered, t.flaps, t.acted
FROM alerts a,
     LATERAL (
         SELECT min(at) FILTER (WHERE kind = 'acknowledged' OR reason IN ('person_resolved', 'person_accepted')) AS taken_at,
                coalesce(bool_or(kind IN ('acknowledged', 'commented', 'acted')
                                 OR reason IN ('person_saw_it', 'person_resolved', 'person_accepted')), false) AS answered,
                count(*) FILTER (WHERE reason = 'condition_flapped') AS flaps,
                coalesce(bool_or(kind = 'acted' OR reason IN ('person_resolved', 'person_accepted')), false) AS acted
         FROM alert_transitions WHERE alert_id = a.alert_id AND at < $3) AS t
WHERE a.clinic_id = ANY ($1::text[]) AND a.opened_at >= $2 AND a.opened_at < $3
ORDER BY a.opened_at, a.alert_id;

-- name: pages
-- What was, or was to be, sent about them. One page for many alerts is one page, whose id stands in each row.
SELECT d.alert_id, coalesce(d.group_id, d.delivery_id) AS page_id, d.group_id IS NOT NULL AS grouped,
       d.kind, d.step, d.state, d.held_by, d.repeats, d.clinic_id, d.sent_at
FROM deliveries d JOIN alerts a USING (alert_id)
WHERE a.clinic_id = ANY ($1::text[]) AND a.opened_at >= $2 AND a.opened_at < $3 AND NOT d.follow_up;
