-- The refill board. Each name is a view: it shows the clinics of who asks.

-- name: pumps
-- Of the clinics $1, the pumps whose patients should come, or have a visit, by $2 (null: all), the soonest first: $3 of them after $4.
SELECT d.device_id AS pump_id, d.clinic_id, e.come_by, count(*) OVER () AS of_them
FROM devices d
JOIN LATERAL (SELECT i.implantation_id, i.implanted FROM implantations i WHERE i.pump_id = d.device_id
              ORDER BY i.began_at DESC LIMIT 1) newest ON newest.implanted
LEFT JOIN pump_evaluations e ON e.pump_id = d.device_id
WHERE d.kind = 'pump' AND d.retired_at IS NULL AND d.clinic_id = ANY ($1::text[])
  AND ($2::timestamptz IS NULL OR e.come_by <= $2
       OR EXISTS (SELECT FROM refill_visits v WHERE v.implantation_id = newest.implantation_id AND v.clinic_id = d.clinic_id
                    AND v.kind IN ('booked', 'moved') AND v.begins_at <= $2
                    AND NOT EXISTS (SELECT FROM refill_visits n WHERE n.follows = v.entry_id)))
ORDER BY e.come_by NULLS LAST, d.device_id
LIMIT $3 OFFSET $4;

-- name: newest_entries
-- What was last said of the visits of the patients in whom the pumps $1 are.
SELECT DISTINCT ON (v.pump_id) v.pump_id, v.entry_id, v.kind, v.visit_on, v.begins_at, v.has_hour, v.said_at, v.said_name
FROM refill_visits v
JOIN devices d ON d.device_id = v.pump_id AND d.clinic_id = v.clinic_id
JOIN LATERAL (SELECT i.implantation_id FROM implantations i WHERE i.pump_id = v.pump_id
              ORDER BY i.began_at DESC LIMIT 1) newest ON newest.implantation_id = v.implantation_id
WHERE v.pump_id = ANY ($1::text[])
ORDER BY v.pump_id, v.said_at DESC;

-- name: say
-- $1 the entry, $2 the pump, $3 what it follows; $4 to $7 what is said; $8 when, and later than what it follows; $9 and $10 by whom.
INSERT INTO refill_visits (entry_id, clinic_id, pump_id, implantation_id, follows, kind, visit_on, begins_at, has_hour, said_at,
                           said_by, said_name)
SELECT $1, d.clinic_id, d.device_id, newest.implantation_id, $3, $4, $5, $6, $7,
       greatest($8::timestamptz, (SELECT b.said_at + interval '1 millisecond' FROM refill_visits b WHERE b.entry_id = $3)), $9, $10
FROM devices d
JOIN LATERAL (SELECT i.implantation_id FROM implantations i WHERE i.pump_id = d.device_id ORDER BY i.began_at DESC LIMIT 1) newest ON true
WHERE d.device_id = $2
ON CONFLICT DO NOTHING;

-- name: queue_pump
INSERT INTO evaluation_queue (pump_ids) VALUES (ARRAY[$1::text]);

-- name: calendar
-- Of the clinic $1: the visits that are booked, and by when each patient should come, where that is by $2.
SELECT d.device_id AS pump_id, e.come_by, v.visit_on, v.begins_at, v.has_hour
FROM devices d
JOIN LATERAL (SELECT i.implantation_id, i.implanted FROM implantations i WHERE i.pump_id = d.device_id
              ORDER BY i.began_at DESC LIMIT 1) newest ON newest.implanted
LEFT JOIN pump_evaluations e ON e.pump_id = d.device_id AND e.come_by <= $2
LEFT JOIN refill_visits v ON v.implantation_id = newest.implantation_id AND v.clinic_id = d.clinic_id
     AND v.kind IN ('booked', 'moved') AND NOT EXISTS (SELECT FROM refill_visits n WHERE n.follows = v.entry_id)
WHERE d.kind = 'pump' AND d.retired_at IS NULL AND d.clinic_id = $1 AND (e.come_by IS NOT NULL OR v.visit_on IS NOT NULL)
ORDER BY d.device_id;
