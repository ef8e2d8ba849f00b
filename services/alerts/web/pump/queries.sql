-- What a pump's page shows beside the facts of the pump.

-- name: device_of_pump
-- The pump $1, if it is one of who asks: its clinic, since when, and its handhelds of now.
SELECT d.clinic_id, d.enrolled_at, d.retired_at,
       ARRAY(SELECT p.handheld_id FROM pairings p WHERE p.pump_id = d.device_id AND p.ended_at IS NULL ORDER BY 1) AS handhelds
FROM devices d WHERE d.device_id = $1 AND d.kind = 'pump';

-- name: therapy_of_pump
-- What was programmed last into the pump $1, of what is judged to be from $2 on: the order is that of the query `facts`.
SELECT drugs, profile, bolus_dose_mcg, bolus_lockout_minutes, bolus_limit_per_24h, reservoir_size_ml, low_reservoir_ml, refill_due,
       judged_at(observed_at, received_at) AS at
FROM therapies t
WHERE pump_id = $1 AND judged_at(observed_at, received_at) >= coalesce($2::timestamptz, '-infinity')
  AND NOT EXISTS (SELECT FROM therapies c WHERE c.pump_id = t.pump_id AND c.replaces = t.event_id AND c.event_id <> t.event_id)
ORDER BY judged_at(observed_at, received_at) DESC, received_at DESC, seq DESC NULLS LAST, event_id DESC LIMIT 1;

-- name: alerts_of_pump
-- The alerts of the pump $1 in the clinic $2, those that are open first and then the newest, at most $3, and how many there are.
SELECT alert_id, rule, key, priority, state, title, since, opened_at, closed_at, acknowledged_by, count(*) OVER () AS alerts
FROM alerts WHERE pump_id = $1 AND clinic_id = $2
ORDER BY state = 'closed', CASE WHEN state <> 'closed' THEN priority_rank(priority) END, opened_at DESC, alert_id
LIMIT $3;

-- name: count_listed
-- How many pumps of the clinics $1 are watched, with names like all of $2, and with open alerts ($3; null: with or without).
SELECT count(*) FROM devices d
WHERE d.kind = 'pump' AND d.retired_at IS NULL AND d.clinic_id = ANY ($1::text[]) AND ($2::text[] = '{}' OR lower(d.device_id) LIKE ALL ($2))
  AND ($3::boolean IS NULL
       OR $3 = EXISTS (SELECT FROM alerts a WHERE a.pump_id = d.device_id AND a.clinic_id = d.clinic_id AND a.state <> 'closed'));

-- name: listed
-- The same pumps after $4, at most $5, in the order of their names.
SELECT d.device_id AS pump_id, d.clinic_id, d.enrolled_at, d.retired_at,
       ARRAY(SELECT p.handheld_id FROM pairings p WHERE p.pump_id = d.device_id AND p.ended_at IS NULL ORDER BY 1) AS handhelds,
       (SELECT max(c.last_seen_at) FROM device_contacts c WHERE c.pump_id = d.device_id) AS last_heard_at,
       (SELECT count(*) FROM alerts a WHERE a.pump_id = d.device_id AND a.clinic_id = d.clinic_id AND a.state <> 'closed') AS open_alerts
FROM devices d
WHERE d.kind = 'pump' AND d.retired_at IS NULL AND d.clinic_id = ANY ($1::text[]) AND ($2::text[] = '{}' OR lower(d.device_id) LIKE ALL ($2))
  AND ($3::boolean IS NULL
       OR $3 = EXISTS (SELECT FROM alerts a WHERE a.pump_id = d.device_id AND a.clinic_id = d.clinic_id AND a.state <> 'closed'))
  AND d.device_id > $4::text
ORDER BY d.device_id LIMIT $5;

-- name: listed_one
-- The pump $1 in the same form, retired or not.
SELECT d.device_id AS pump_id, d.clinic_id, d.enrolled_at, d.retired_at,
       ARRAY(SELECT p.handheld_id FROM pairings p WHERE p.pump_id = d.device_id AND p.ended_at IS NULL ORDER BY 1) AS handhelds,
       (SELECT max(c.last_seen_at) FROM device_contacts c WHERE c.pump_id = d.device_id) AS last_heard_at,
       (SELECT count(*) FROM alerts a WHERE a.pump_id = d.device_id AND a.clinic_id = d.clinic_id AND a.state <> 'closed') AS open_alerts
FROM devices d WHERE d.device_id = $1 AND d.kind = 'pump';
