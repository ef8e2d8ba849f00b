-- What a review sheet is made from: of one pump ($1), and of its patient alone ($2: since when the pump is in that patient, or the
-- beginning of all records). Moments are judged (migration 0023); a bound from below is one on observed_at and on received_at.

-- name: pump_now
-- Whose the pump $1 is at $2, in whom it is, or was last.
SELECT d.device_id AS pump_id, d.clinic_id, d.retired_at, i.implantation_id, nullif(i.began_at, '-infinity') AS since,
       (SELECT min(n.began_at) FROM implantations n
        WHERE n.pump_id = d.device_id AND n.began_at > i.began_at AND n.began_at <= $2) AS explanted_at
FROM devices d
LEFT JOIN LATERAL (SELECT implantation_id, began_at FROM implantations
                   WHERE pump_id = d.device_id AND implanted AND began_at <= $2::timestamptz ORDER BY began_at DESC LIMIT 1) i ON true
WHERE d.device_id = $1 AND d.kind = 'pump';

-- name: requests_told
-- From $3 to $4, each as it was told.
SELECT date_part('epoch', judged_at(observed_at, received_at)) AS at, outcome, device_id
FROM bolus_requests
WHERE pump_id = $1 AND observed_at >= greatest($2::timestamptz, $3) AND received_at >= greatest($2::timestamptz, $3)
  AND judged_at(observed_at, received_at) <= $4::timestamptz;

-- name: therapies_until
-- Up to $3, the oldest first. What another one of the pump replaces does not count.
SELECT judged_at(observed_at, received_at) AS at, drugs, profile, bolus_dose_mcg, bolus_lockout_minutes, bolus_limit_per_24h,
       reservoir_size_ml, low_reservoir_ml, refill_due
FROM therapies t
WHERE pump_id = $1 AND observed_at >= $2::timestamptz AND received_at >= $2::timestamptz
  AND judged_at(observed_at, received_at) <= $3::timestamptz
  AND NOT EXISTS (SELECT FROM therapies c WHERE c.pump_id = t.pump_id AND c.replaces = t.event_id AND c.event_id <> t.event_id)
ORDER BY judged_at(observed_at, received_at), received_at, seq NULLS FIRST, event_id;

-- name: refills_until
-- Up to $3, the newest first; likewise.
SELECT judged_at(observed_at, received_at) AS at, received_at, expected_ml, measured_ml, filled_ml
FROM refills r
WHERE pump_id = $1 AND observed_at >= $2::timestamptz AND received_at >= $2::timestamptz
  AND judged_at(observed_at, received_at) <= $3::timestamptz
  AND NOT EXISTS (SELECT FROM refills c WHERE c.pump_id = r.pump_id AND c.replaces = r.event_id AND c.event_id <> r.event_id)
ORDER BY judged_at(observed_at, received_at) DESC, received_at DESC, seq DESC NULLS LAST, event_id DESC;

-- name: reports_told
-- From $3 to $4, the oldest first.
SELECT judged_at(observed_at, received_at) AS at, complaint, score
FROM patient_reports
WHERE pump_id = $1 AND observed_at >= greatest($2::timestamptz, $3) AND received_at >= greatest($2::timestamptz, $3)
  AND judged_at(observed_at, received_at) <= $4::timestamptz
ORDER BY judged_at(observed_at, received_at), received_at, seq NULLS FIRST, event_id;

-- name: alarms_until
-- Up to $3.
SELECT code, state, observed_at, received_at, device_id, seq, event_id, detail
FROM pump_alarms
WHERE pump_id = $1 AND observed_at >= $2::timestamptz AND received_at >= $2::timestamptz
  AND judged_at(observed_at, received_at) <= $3::timestamptz;

-- name: alarms_refused
-- For their date, by when they came: from $3 to $4.
SELECT code, count(*) AS alarms FROM refused_alarms
WHERE pump_id = $1 AND received_at >= greatest($2::timestamptz, $3) AND received_at <= $4::timestamptz
GROUP BY code;

-- name: heard
-- By quarters of an hour from $3 to $4: the first and the last of whatever was heard.
SELECT min(at) AS first, max(at) AS last
FROM (SELECT judged_at(observed_at, received_at) AS at
      FROM (SELECT pump_id, observed_at, received_at FROM reservoir_readings
            UNION ALL SELECT pump_id, observed_at, received_at FROM bolus_requests
            UNION ALL SELECT pump_id, observed_at, received_at FROM device_statuses
            UNION ALL SELECT pump_id, observed_at, received_at FROM pump_alarms
            UNION ALL SELECT pump_id, observed_at, received_at FROM patient_reports
            UNION ALL SELECT pump_id, observed_at, received_at FROM refills
            UNION ALL SELECT pump_id, observed_at, received_at FROM therapies) any_kind
      WHERE pump_id = $1 AND observed_at >= greatest($2::timestamptz, $3) AND received_at >= greatest($2::timestamptz, $3)) each
WHERE at <= $4::timestamptz
GROUP BY date_bin('15 minutes', at, '2000-01-01Z');

-- name: measured_levels
-- From $3 to $4, the newest first; with each the last that the pump computed in the 24 hours before.
SELECT m.at, m.volume_ml, c.volume_ml AS computed_ml
FROM (SELECT judged_at(observed_at, received_at) AS at, received_at, seq, event_id, volume_ml FROM reservoir_readings
      WHERE pump_id = $1 AND basis = 'measured' AND observed_at >= greatest($2::timestamptz, $3)
        AND received_at >= greatest($2::timestamptz, $3) AND judged_at(observed_at, received_at) <= $4::timestamptz) m
LEFT JOIN LATERAL (
    SELECT volume_ml FROM reservoir_readings r
    WHERE pump_id = $1 AND basis = 'computed' AND observed_at >= greatest($2::timestamptz, m.at - interval '24 hours')
      AND received_at >= greatest($2::timestamptz, m.at - interval '24 hours') AND judged_at(observed_at, received_at) <= m.at
    ORDER BY judged_at(observed_at, received_at) DESC, received_at DESC, seq DESC NULLS LAST, event_id DESC LIMIT 1) c ON true
ORDER BY m.at DESC, m.received_at DESC, m.seq DESC NULLS LAST, m.event_id DESC;

-- name: alerts_between
-- Of the pump $1 and the implantation $2 (null: the first) in the clinic $5: those that were open at some time from $3 to $4.
SELECT a.opened_at, a.title, a.priority, a.state, t.at AS taken_at, t.name AS taken_by, coalesce(a.cleared_at, a.closed_at) AS ended_at
FROM alerts a
LEFT JOIN LATERAL (
    SELECT at, coalesce(detail ->> 'name', actor) AS name FROM alert_transitions t
    WHERE t.alert_id = a.alert_id AND t.at <= $4 AND (t.kind = 'acknowledged' OR t.reason IN ('person_resolved', 'person_accepted'))
    ORDER BY clinic_seq LIMIT 1) t ON true
WHERE a.pump_id = $1 AND a.clinic_id = $5 AND a.implantation_id IS NOT DISTINCT FROM $2
  AND a.opened_at <= $4::timestamptz AND coalesce(a.closed_at, 'infinity') >= $3::timestamptz
ORDER BY a.opened_at DESC, a.alert_id;
