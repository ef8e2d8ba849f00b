-- What bench/grafana/times.py adds to the fleet of bench/storage.py.

-- name: ended_alerts
-- Two ended alerts a month of each pump, back to $1: seven of ten acknowledged after some minutes, all closed after hours. The
-- trail's hashes are none: nothing here looks at them.
WITH alert AS (
    INSERT INTO alerts (clinic_id, pump_id, rule, key, priority, state, title, explanation, since, opened_at, updated_at,
                        acknowledged_by, acknowledged_at, closed_at, policy_version)
    SELECT d.clinic_id, d.device_id, (ARRAY['pump_alarm', 'low_reservoir', 'bolus_demand', 'device_silent'])[1 + (random() * 3)::int],
           'ended', (ARRAY['high', 'medium', 'medium', 'low'])[1 + (random() * 3)::int], 'closed', 'Ended', '', e.at, e.at,
           e.at + interval '5 hours', CASE WHEN e.taken THEN 'Ann' END, CASE WHEN e.taken THEN e.at + random() * interval '1 hour' END,
           e.at + interval '5 hours', 'v'
    FROM devices d, generate_series($1::timestamptz, now() - interval '1 day', interval '15 days') AS slot (at),
         LATERAL (SELECT slot.at + random() * interval '15 days' AS at, random() < 0.7 AS taken WHERE d.device_id <> '') AS e
    WHERE e.at < now() - interval '6 hours'
    RETURNING alert_id, clinic_id, opened_at, acknowledged_at, closed_at, priority),
step AS (
    SELECT a.clinic_id, a.alert_id, s.at, s.kind, s.before, s.after, a.priority FROM alert a,
    LATERAL (VALUES (a.opened_at, 'opened', NULL, 'active'), (a.acknowledged_at, 'acknowledged', 'active', 'acknowledged'),
                    (a.closed_at, 'closed', 'acknowledged', 'closed')) AS s (at, kind, before, after)
    WHERE s.at IS NOT NULL)
INSERT INTO alert_transitions (clinic_id, clinic_seq, alert_id, at, kind, from_state, to_state, priority, reason, actor, previous_hash, row_hash)
SELECT clinic_id, row_number() OVER (PARTITION BY clinic_id ORDER BY at), alert_id, at, kind, before, after, priority, 'bench',
       CASE kind WHEN 'acknowledged' THEN 'Ann' ELSE 'pumpwatch' END, '\x00', '\x00'
FROM step;
