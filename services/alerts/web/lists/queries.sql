-- Lists of alerts. Each is of the clinics $1 and the states $2, with the priority $3 and the rule $4, had by somebody whose name holds
-- $5, and with the pump's name, the title and the explanation like all of $6; empty: of any kind.

-- name: count_found
-- How many there are, by state and priority.
SELECT a.state, a.priority, count(*) AS alerts
FROM alerts a
WHERE a.clinic_id = ANY ($1::text[]) AND a.state = ANY ($2::text[])
  AND ($3::text = '' OR a.priority = $3) AND ($4::text = '' OR a.rule = $4)
  AND ($5::text = '' OR strpos(lower(concat_ws(' ', a.acknowledged_by, a.resolved_by, a.accepted_by)), lower($5)) > 0)
  AND ($6::text[] = '{}' OR lower(concat_ws(' ', a.pump_id, a.title, a.explanation)) LIKE ALL ($6))
GROUP BY a.state, a.priority;

-- name: find_alerts
-- So many of them ($12), after so many ($13) or after a place in the order ($9 to $11, and $14; null: from the first on). $7 is the
-- order: urgent, newest, oldest or pump; $8 what headings name (pump, rule), and these come by the most urgent below them.
WITH found AS (
    SELECT a.alert_id, a.pump_id,
           CASE $8::text WHEN 'pump' THEN a.pump_id WHEN 'rule' THEN a.rule ELSE '' END AS heading,
           CASE WHEN a.state = 'closed' THEN 90
                ELSE CASE a.state WHEN 'active' THEN 0 WHEN 'cleared' THEN 10 ELSE 20 END + coalesce(priority_rank(a.priority), 9)
           END AS urgency,
           (extract(epoch FROM CASE WHEN $7::text IN ('newest', 'oldest') THEN a.opened_at
                                    ELSE coalesce(a.closed_at, a.opened_at) END) * 1000000)::bigint AS at
    FROM alerts a
    WHERE a.clinic_id = ANY ($1::text[]) AND a.state = ANY ($2::text[])
      AND ($3::text = '' OR a.priority = $3) AND ($4::text = '' OR a.rule = $4)
      AND ($5::text = '' OR strpos(lower(concat_ws(' ', a.acknowledged_by, a.resolved_by, a.accepted_by)), lower($5)) > 0)
      AND ($6::text[] = '{}' OR lower(concat_ws(' ', a.pump_id, a.title, a.explanation)) LIKE ALL ($6))
), placed AS (
    SELECT alert_id, heading,
           CASE WHEN $8 IN ('pump', 'rule') THEN min(urgency) OVER (PARTITION BY heading) ELSE 0 END AS heading_urgency,
           CASE WHEN $7 = 'pump' THEN pump_id ELSE '' END AS by_pump,
           CASE WHEN $7 IN ('urgent', 'pump') THEN urgency ELSE 0 END AS by_urgency,
           CASE WHEN $7 = 'oldest' THEN at ELSE -at END AS by_time
    FROM found
), page AS (
    SELECT * FROM placed
    WHERE $14::uuid IS NULL OR (by_pump, by_urgency, by_time, alert_id) > ($9::text, $10::integer, $11::bigint, $14)
    ORDER BY heading_urgency, heading, by_pump, by_urgency, by_time, alert_id
    LIMIT $12 OFFSET $13
)
SELECT alert_id, a.clinic_id, a.pump_id, a.rule, a.key, a.priority, a.state, a.title, a.explanation, a.said, a.evidence, a.since, a.opened_at,
       a.updated_at, a.acknowledged_by, a.acknowledged_at, a.acknowledgement_expires_at, a.cleared_at, a.closed_at, a.policy_version,
       a.resolved_by, a.resolved_at, a.resolution, a.accepted_by, a.accepted_at, a.acceptance, a.accepted_since,
       a.accepted_per_day, p.by_pump, p.by_urgency, p.by_time
FROM page p JOIN alerts a USING (alert_id)
WHERE a.alert_id = ANY (ARRAY(SELECT alert_id FROM page))  -- each is looked up: as a join alone, all alerts are read
ORDER BY p.heading_urgency, p.heading, p.by_pump, p.by_urgency, p.by_time, alert_id;

-- name: waiting_high
-- The newest high alerts that nobody has of the clinics $1, at most $2, and how many there are.
SELECT alert_id, pump_id, title, updated_at, count(*) OVER () AS waiting
FROM alerts
WHERE clinic_id = ANY ($1::text[]) AND state = 'active' AND priority = 'high'
ORDER BY updated_at DESC, alert_id LIMIT $2;

-- name: who_has_some
-- The names of those who have an alert of the clinics $1 now, at most $2.
SELECT DISTINCT acknowledged_by FROM alerts
WHERE clinic_id = ANY ($1::text[]) AND state = 'acknowledged' AND acknowledged_by IS NOT NULL
ORDER BY acknowledged_by LIMIT $2;

-- name: count_pumps
SELECT count(*) FROM devices WHERE kind = 'pump' AND retired_at IS NULL AND clinic_id = ANY ($1::text[]);

-- name: seen_clinics
-- The clinics that the database shows who asks by this connection.
SELECT web.clinics() AS clinics;

-- name: trail_ends
-- By clinic, how far its audit trail has come: what happens to an alert moves it.
SELECT clinic_id, clinic_seq FROM trail_ends;
