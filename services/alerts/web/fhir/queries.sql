-- What programs read as FHIR. $1 is the clinic (null: every clinic); a page ends before the row after $... and at the last number.

-- name: devices
-- $2 their ids as FHIR says them, $3 as Pumpwatch does, $4 their kinds (null: any), $5 the one that the page before ended with.
SELECT fhir_id(d.device_id) AS id, d.device_id, d.kind, d.clinic_id, d.enrolled_at, d.retired_at, i.patient_ref
FROM devices d
LEFT JOIN LATERAL (SELECT patient_ref FROM implantations i WHERE i.pump_id = d.device_id AND i.began_at <= $6
                   ORDER BY i.began_at DESC LIMIT 1) i ON true
WHERE ($1::text IS NULL OR d.clinic_id = $1)
  AND ($2::text[] IS NULL OR fhir_id(d.device_id) = ANY ($2))
  AND ($3::text[] IS NULL OR d.device_id = ANY ($3))
  AND ($4::text[] IS NULL OR d.kind = ANY ($4))
  AND d.device_id > $5
ORDER BY d.device_id
LIMIT $7;

-- name: pumps
-- The pumps whose record the clinic sees, with the names that FHIR has for them.
SELECT DISTINCT p.pump_id FROM seen_periods p
WHERE ($1::text IS NULL OR p.clinic_id = $1) AND ($2::text[] IS NULL OR fhir_id(p.pump_id) = ANY ($2));

-- name: observations
-- Of the pumps $2: levels, requests and batteries by $3 (r, b, s), from $4 until before $5 by the judged moment, after ($6, $7, $8).
-- What is observed is never before its judged moment, so $4 bounds both.
WITH seen AS (
    SELECT p.pump_id, p.clinic_id, p.began_at, p.ended_at, i.patient_ref
    FROM seen_periods p
    LEFT JOIN LATERAL (SELECT patient_ref FROM implantations i
                       WHERE i.pump_id = p.pump_id AND i.implanted AND i.began_at < p.ended_at
                       ORDER BY i.began_at DESC LIMIT 1) i ON true
    WHERE ($1::text IS NULL OR p.clinic_id = $1) AND p.pump_id = ANY ($2::text[]))
SELECT e.kind, e.observed_at, e.event_id, e.pump_id, fhir_id(e.pump_id) AS pump, e.received_at,
       judged_at(e.observed_at, e.received_at) AS judged_at, e.value, e.text, s.clinic_id, s.patient_ref
FROM seen s
CROSS JOIN LATERAL (
    (SELECT 'r' AS kind, r.observed_at, r.event_id, r.pump_id, r.received_at, r.volume_ml AS value, r.basis AS text
     FROM reservoir_readings r
     WHERE 'r' = ANY ($3::text[]) AND r.pump_id = s.pump_id AND r.observed_at >= $4
       AND judged_at(r.observed_at, r.received_at) < $5
       AND judged_at(r.observed_at, r.received_at) >= greatest(s.began_at, $4)
       AND judged_at(r.observed_at, r.received_at) < s.ended_at
       AND (r.observed_at, 'r', r.event_id) > ($6, $7, $8)
     ORDER BY r.observed_at, r.event_id LIMIT $9)
    UNION ALL
    (SELECT 'b', b.observed_at, b.event_id, b.pump_id, b.received_at, b.dose_mcg, b.outcome
     FROM bolus_requests b
     WHERE 'b' = ANY ($3::text[]) AND b.pump_id = s.pump_id AND b.observed_at >= $4
       AND judged_at(b.observed_at, b.received_at) < $5
       AND judged_at(b.observed_at, b.received_at) >= greatest(s.began_at, $4)
       AND judged_at(b.observed_at, b.received_at) < s.ended_at
       AND (b.observed_at, 'b', b.event_id) > ($6, $7, $8)
     ORDER BY b.observed_at, b.event_id LIMIT $9)
    UNION ALL
    (SELECT 's', t.observed_at, t.event_id, t.pump_id, t.received_at, t.battery_percent, NULL
     FROM device_statuses t
     WHERE 's' = ANY ($3::text[]) AND t.pump_id = s.pump_id AND t.observed_at >= $4 AND t.battery_percent IS NOT NULL
       AND t.device_id = t.pump_id
       AND judged_at(t.observed_at, t.received_at) < $5
       AND judged_at(t.observed_at, t.received_at) >= greatest(s.began_at, $4)
       AND judged_at(t.observed_at, t.received_at) < s.ended_at
       AND (t.observed_at, 's', t.event_id) > ($6, $7, $8)
     ORDER BY t.observed_at, t.event_id LIMIT $9)) e
ORDER BY e.observed_at, e.kind, e.event_id
LIMIT $9;

-- name: alerts
-- $2 their ids, $3 their pumps (null: any), begun from $4 until before $5, changed from $6 until before $7, after ($8, $9).
SELECT a.alert_id, a.clinic_id, a.pump_id, fhir_id(a.pump_id) AS pump, a.rule, a.priority, a.state, a.title, a.explanation, a.since,
       a.opened_at, a.updated_at, a.acknowledged_at, a.closed_at, i.patient_ref
FROM alerts a
LEFT JOIN LATERAL (SELECT patient_ref FROM implantations i
                   WHERE i.pump_id = a.pump_id AND (i.implantation_id = a.implantation_id
                                                    OR a.implantation_id IS NULL AND i.began_at = '-infinity')
                   LIMIT 1) i ON true
WHERE ($1::text IS NULL OR a.clinic_id = $1)
  AND ($2::uuid[] IS NULL OR a.alert_id = ANY ($2))
  AND ($3::text[] IS NULL OR a.pump_id = ANY ($3))
  AND a.opened_at >= $4 AND a.opened_at < $5 AND a.updated_at >= $6 AND a.updated_at < $7
  AND (a.opened_at, a.alert_id) > ($8, $9)
ORDER BY a.opened_at, a.alert_id
LIMIT $10;

-- name: pages
-- $2 their ids, planned after ($5, $6), sent from $3 until before $4; what is not sent yet is sent at no time.
SELECT d.delivery_id, d.clinic_id, d.alert_id, fhir_id(a.pump_id) AS pump, d.priority, d.state, d.created_at, d.sent_at,
       d.held_by IS NOT NULL AS held
FROM deliveries d JOIN alerts a USING (alert_id)
WHERE ($1::text IS NULL OR a.clinic_id = $1)
  AND ($2::uuid[] IS NULL OR d.delivery_id = ANY ($2))
  AND ($7::boolean OR d.sent_at >= $3 AND d.sent_at < $4)
  AND NOT d.follow_up
  AND (d.created_at, d.delivery_id) > ($5, $6)
ORDER BY d.created_at, d.delivery_id
LIMIT $8;
