-- All SQL of the alert service. Times are parameters, so that everything can be replayed.

-- name: read_queue
-- Hold the oldest $1 entries, of the urgent ones or of the others, that no other worker holds.
SELECT queue_id, pump_ids, queued_at FROM evaluation_queue
WHERE urgent = $2 ORDER BY queue_id LIMIT $1 FOR UPDATE SKIP LOCKED;

-- name: finish_entries
-- Gone with the transaction that evaluates them, and back if it fails.
DELETE FROM evaluation_queue WHERE queue_id = ANY ($1::bigint[]);

-- name: leave_in_entry
UPDATE evaluation_queue SET pump_ids = $2::text[] WHERE queue_id = $1;

-- name: take_sweep_slice
-- Up to $2 pumps that nobody has evaluated since $1 and that no other worker holds.
SELECT pump_id FROM pump_evaluations WHERE evaluated_at < $1
ORDER BY evaluated_at LIMIT $2 FOR UPDATE SKIP LOCKED;

-- name: take_due_slice
-- Up to $2 pumps that are due at $1 and that no other worker holds; due no more, unless the evaluation says so.
UPDATE pump_evaluations SET due_at = NULL
WHERE pump_id IN (SELECT pump_id FROM pump_evaluations WHERE due_at <= $1 ORDER BY due_at LIMIT $2 FOR UPDATE SKIP LOCKED)
RETURNING pump_id;

-- name: lock_pumps
-- Lock the pumps among $1, always in the same order, so that two workers wait for each other and never deadlock.
INSERT INTO pump_evaluations (pump_id, evaluated_at)
SELECT device_id, $2 FROM devices WHERE device_id = ANY ($1::text[]) AND kind = 'pump' ORDER BY device_id
ON CONFLICT (pump_id) DO UPDATE SET evaluated_at = excluded.evaluated_at
RETURNING pump_id, due_at, failures;

-- name: count_failures
-- One more for the pumps $2, and none any more for those of $1 that are not among them.
UPDATE pump_evaluations SET failures = CASE WHEN pump_id = ANY ($2::text[]) THEN failures + 1 ELSE 0 END
WHERE pump_id = ANY ($1::text[]) OR pump_id = ANY ($2::text[]);

-- name: clinic_of_pump
SELECT clinic_id FROM devices WHERE device_id = $1;

-- name: set_due
UPDATE pump_evaluations e SET due_at = n.due_at FROM unnest($1::text[], $2::timestamptz[]) AS n (pump_id, due_at)
WHERE e.pump_id = n.pump_id;

-- name: enrol_missing
-- Put every pump under watch that is enrolled and not yet watched.
INSERT INTO pump_evaluations (pump_id, evaluated_at)
SELECT d.device_id, $1 FROM devices d
WHERE d.kind = 'pump' AND d.retired_at IS NULL
  AND NOT EXISTS (SELECT FROM pump_evaluations e WHERE e.pump_id = d.device_id)
ORDER BY d.device_id
ON CONFLICT DO NOTHING;

-- name: forget_retired
-- A retired pump with no open alert is watched no longer.
DELETE FROM pump_evaluations e
WHERE NOT EXISTS (SELECT FROM devices d WHERE d.device_id = e.pump_id AND d.kind = 'pump' AND d.retired_at IS NULL)
  AND NOT EXISTS (SELECT FROM alerts a WHERE a.pump_id = e.pump_id AND a.state <> 'closed');

-- name: plan_once
-- For the rest of the transaction, plan each statement once for a connection and not for each set of values: planning the
-- facts takes four times as long as the facts of one pump, and every set of values wants the same plan.
SET LOCAL plan_cache_mode = force_generic_plan;

-- name: facts
-- All that the rules need of the pumps $1 at $2, from what had been received by $3 (null: everything), with $4 windows of
-- 24 hours back from $2. One row for each pump that the registry knows. Every look-up is by (pump_id, observed_at).
--
-- Kinds that are rare are read for all pumps at once: a look-up for each pump costs more than its rows. Kinds that are
-- dense are read pump by pump: sorting all pumps' rows together costs more than the look-ups. What is only counted is
-- counted by services.alerts.facts.from_rows; its moments are seconds since 1970 (docs/decisions/0010-evaluation-at-scale.md).
WITH asked AS (
    SELECT device_id AS pump_id, clinic_id, retired_at IS NULL AS enrolled
    FROM devices WHERE device_id = ANY ($1::text[]) AND kind = 'pump'),
-- The newest therapy, and when what it prescribes was programmed first: a refill repeats it with another date.
therapy AS (
    SELECT DISTINCT ON (pump_id) compared.*, max(began_at) OVER (PARTITION BY pump_id) AS changed_at
    FROM (
        SELECT newest.*,
               CASE WHEN lead(observed_at) OVER back IS NOT NULL
                     AND (drugs, profile, bolus_dose_mcg, bolus_lockout_minutes, bolus_limit_per_24h) IS DISTINCT FROM
                         (lead(drugs) OVER back, lead(profile) OVER back, lead(bolus_dose_mcg) OVER back,
                          lead(bolus_lockout_minutes) OVER back, lead(bolus_limit_per_24h) OVER back)
                    THEN observed_at END AS began_at
        FROM (
            SELECT t.*, row_number() OVER (PARTITION BY pump_id ORDER BY observed_at DESC, event_id DESC) AS place
            FROM therapies t
            WHERE pump_id = ANY ($1::text[]) AND received_at <= coalesce($3::timestamptz, 'infinity')) newest
        WHERE place <= 8
        WINDOW back AS (PARTITION BY pump_id ORDER BY observed_at DESC, event_id DESC)) compared
    ORDER BY pump_id, place),
refill AS (
    SELECT pump_id, array_agg(observed_at ORDER BY place) AS moments, array_agg(expected_ml ORDER BY place) AS expected,
           array_agg(measured_ml ORDER BY place) AS measured, array_agg(filled_ml ORDER BY place) AS filled,
           max(observed_at) AS newest_at
    FROM (
        SELECT pump_id, observed_at, expected_ml, measured_ml, filled_ml,
               row_number() OVER (PARTITION BY pump_id ORDER BY observed_at DESC, event_id DESC) AS place
        FROM refills
        WHERE pump_id = ANY ($1::text[]) AND received_at <= coalesce($3::timestamptz, 'infinity')) newest
    WHERE place <= 4 GROUP BY pump_id),
-- The events that decide: those at the last `cleared` of a code, and the first and last `raised` from there on.
alarm AS (
    SELECT pump_id, array_agg(code) AS codes, array_agg(state) AS states, array_agg(observed_at) AS moments,
           array_agg(device_id) AS device_ids, array_agg(seq) AS seqs, array_agg(event_id) AS event_ids,
           array_agg(detail) AS details
    FROM (
        SELECT known.*,
               min(observed_at) FILTER (WHERE state = 'raised' AND observed_at > coalesce(cleared_at, '-infinity'))
                   OVER by_code AS first_at,
               max(observed_at) FILTER (WHERE state = 'raised') OVER by_code AS last_at
        FROM (
            SELECT pump_id, code, state, observed_at, device_id, seq, event_id, detail,
                   max(observed_at) FILTER (WHERE state = 'cleared') OVER (PARTITION BY pump_id, code) AS cleared_at
            FROM pump_alarms
            WHERE pump_id = ANY ($1::text[]) AND received_at <= coalesce($3::timestamptz, 'infinity')) known
        WINDOW by_code AS (PARTITION BY pump_id, code)) marked
    WHERE observed_at >= coalesce(cleared_at, '-infinity')
      AND (observed_at IN (cleared_at, first_at, last_at))
    GROUP BY pump_id),
-- What else was heard, other than readings: these are rare.
heard AS (
    SELECT pump_id, array_agg(date_part('epoch', observed_at)) AS moments
    FROM (
        SELECT pump_id, observed_at FROM pump_alarms
        WHERE pump_id = ANY ($1::text[]) AND observed_at > $2::timestamptz - $4::integer * interval '24 hours'
          AND received_at <= coalesce($3::timestamptz, 'infinity')
        UNION ALL
        SELECT pump_id, observed_at FROM patient_reports
        WHERE pump_id = ANY ($1::text[]) AND observed_at > $2::timestamptz - $4::integer * interval '24 hours'
          AND received_at <= coalesce($3::timestamptz, 'infinity')
        UNION ALL
        SELECT pump_id, observed_at FROM refills
        WHERE pump_id = ANY ($1::text[]) AND observed_at > $2::timestamptz - $4::integer * interval '24 hours'
          AND received_at <= coalesce($3::timestamptz, 'infinity')
        UNION ALL
        SELECT pump_id, observed_at FROM therapies
        WHERE pump_id = ANY ($1::text[]) AND observed_at > $2::timestamptz - $4::integer * interval '24 hours'
          AND received_at <= coalesce($3::timestamptz, 'infinity')) each
    GROUP BY pump_id),
report AS (
    SELECT pump_id, array_agg(complaint ORDER BY place) AS complaints, array_agg(score ORDER BY place) AS scores,
           array_agg(observed_at ORDER BY place) AS moments
    FROM (
        SELECT pump_id, complaint, score, observed_at,
               row_number() OVER (PARTITION BY pump_id ORDER BY observed_at DESC, event_id DESC) AS place
        FROM patient_reports
        WHERE pump_id = ANY ($1::text[]) AND observed_at > $2::timestamptz - interval '30 days'
          AND received_at <= coalesce($3::timestamptz, 'infinity')) newest
    WHERE place <= 20 GROUP BY pump_id),
handheld AS (
    SELECT p.pump_id, array_agg(p.handheld_id) AS devices
    FROM pairings p JOIN devices h ON h.device_id = p.handheld_id AND h.retired_at IS NULL
    WHERE p.pump_id = ANY ($1::text[]) AND p.ended_at IS NULL
    GROUP BY p.pump_id)
SELECT asked.pump_id, asked.clinic_id, asked.enrolled,
       reading.volume_ml, reading.basis, reading.observed_at AS reading_at, reading.device_id AS reading_device,
       reading.received_at AS reading_received_at, date_part('epoch', oldest.observed_at) AS first_reading_at,
       earlier.volume_ml AS earlier_ml, earlier.observed_at AS earlier_at,
       filled.volume_ml AS filled_reading_ml, filled.observed_at AS filled_reading_at,
       therapy.observed_at AS therapy_at, therapy.drugs, therapy.profile, therapy.bolus_dose_mcg, therapy.bolus_limit_per_24h,
       therapy.reservoir_size_ml, therapy.low_reservoir_ml AS programmed_low_ml, therapy.refill_due, therapy.changed_at,
       refill.moments AS refills_at, refill.expected AS refills_expected_ml, refill.measured AS refills_measured_ml,
       refill.filled AS refills_filled_ml,
       alarm.codes, alarm.states, alarm.moments, alarm.device_ids, alarm.seqs, alarm.event_ids, alarm.details,
       request.moments AS requests_at, request.outcomes, latest.devices AS latest_devices, latest.received AS latest_received_at,
       status.moments AS statuses_at, status.received AS statuses_received_at, status.devices AS status_devices,
       heard.moments AS also_heard_at, report.complaints, report.scores, report.moments AS reports_at,
       handheld.devices AS handhelds
FROM asked
LEFT JOIN therapy USING (pump_id)
LEFT JOIN refill USING (pump_id)
LEFT JOIN alarm USING (pump_id)
LEFT JOIN heard USING (pump_id)
LEFT JOIN report USING (pump_id)
LEFT JOIN handheld USING (pump_id)
LEFT JOIN LATERAL (
    SELECT volume_ml, basis, observed_at, device_id, received_at FROM reservoir_readings
    WHERE pump_id = asked.pump_id AND received_at <= coalesce($3::timestamptz, 'infinity')
    ORDER BY observed_at DESC, event_id DESC LIMIT 1) reading ON true
LEFT JOIN LATERAL (
    SELECT observed_at FROM reservoir_readings
    WHERE pump_id = asked.pump_id AND observed_at > $2::timestamptz - $4::integer * interval '24 hours'
      AND received_at <= coalesce($3::timestamptz, 'infinity')
    ORDER BY observed_at LIMIT 1) oldest ON true
LEFT JOIN LATERAL (
    SELECT array_agg(date_part('epoch', observed_at)) AS moments, array_agg(outcome) AS outcomes, max(observed_at) AS newest_at
    FROM bolus_requests
    WHERE pump_id = asked.pump_id AND observed_at > $2::timestamptz - $4::integer * interval '24 hours'
      AND received_at <= coalesce($3::timestamptz, 'infinity')) request ON true
LEFT JOIN LATERAL (
    SELECT array_agg(date_part('epoch', observed_at)) AS moments, array_agg(received_at) AS received,
           array_agg(device_id) AS devices
    FROM device_statuses
    WHERE pump_id = asked.pump_id AND observed_at > $2::timestamptz - greatest($4::integer, 60) * interval '24 hours'
      AND received_at <= coalesce($3::timestamptz, 'infinity')) status ON true
-- The bound of 400 days looks idle and is not: it rules chunks out once for the statement; the bounds that come from other
-- rows do it again for each pump, and cost more with every chunk there is (bench/results/storage.md).
LEFT JOIN LATERAL (
    SELECT volume_ml, observed_at FROM reservoir_readings
    WHERE pump_id = asked.pump_id AND basis = 'computed' AND reading.basis = 'computed'
      AND observed_at > $2::timestamptz - interval '400 days'
      AND observed_at >= greatest(reading.observed_at - interval '7 days', refill.newest_at, therapy.observed_at)
      AND received_at <= coalesce($3::timestamptz, 'infinity')
    ORDER BY observed_at, event_id LIMIT 1) earlier ON true
LEFT JOIN LATERAL (
    SELECT volume_ml, observed_at FROM reservoir_readings
    WHERE pump_id = asked.pump_id AND basis = 'measured'
      AND observed_at > $2::timestamptz - interval '400 days'
      AND observed_at >= refill.newest_at + interval '15 minutes' AND observed_at <= refill.newest_at + interval '3 days'
      AND received_at <= coalesce($3::timestamptz, 'infinity')
    ORDER BY observed_at, event_id LIMIT 1) filled ON true
-- Who told of the newest request, and when.
LEFT JOIN LATERAL (
    SELECT array_agg(device_id) AS devices, array_agg(received_at) AS received FROM bolus_requests
    WHERE pump_id = asked.pump_id AND observed_at >= request.newest_at
      AND observed_at > $2::timestamptz - $4::integer * interval '24 hours'
      AND received_at <= coalesce($3::timestamptz, 'infinity')) latest ON true;

-- name: heard_by_readings
-- Which of the windows $2 of the pumps $1 (pairs; windows of 24 hours back from $3, 0 the newest) hold a reading that had
-- been received by $4.
SELECT w.pump_id, w.place
FROM unnest($1::text[], $2::integer[]) AS w (pump_id, place)
WHERE EXISTS (
    SELECT FROM reservoir_readings e
    WHERE e.pump_id = w.pump_id AND e.observed_at > $3::timestamptz - (w.place + 1) * interval '24 hours'
      AND (e.observed_at <= $3::timestamptz - w.place * interval '24 hours' OR w.place = 0)
      AND e.received_at <= coalesce($4::timestamptz, 'infinity'));

-- name: open_alerts
-- Alerts of the pumps $1 that are not closed, each with its pages so far, the occasions that have deliveries, and of
-- which priorities somebody was told. And the newest that closed after $2, where no other has opened since; and every
-- one that a person has resolved, because what it was about may still be so.
SELECT a.alert_id, a.clinic_id, a.pump_id, a.rule, a.key, a.priority, a.state, a.since, a.title, a.explanation,
       a.evidence, a.acknowledged_by, a.acknowledgement_expires_at, coalesce(a.closed_at, a.cleared_at) AS ended_at,
       a.resolved_by, p.kinds, p.seqs, p.moments, p.priorities, p.from_states, p.reasons, o.occasions, o.told
FROM (
    SELECT * FROM alerts WHERE pump_id = ANY ($1::text[]) AND state <> 'closed'
    UNION ALL
    SELECT * FROM (
        SELECT DISTINCT ON (pump_id, rule, key) * FROM alerts
        WHERE pump_id = ANY ($1::text[]) AND state = 'closed' AND closed_at > $2 AND resolved_at IS NULL
        ORDER BY pump_id, rule, key, closed_at DESC) closed
    WHERE NOT EXISTS (SELECT FROM alerts other WHERE other.state <> 'closed' AND other.pump_id = closed.pump_id
                        AND other.rule = closed.rule AND other.key = closed.key)
    UNION ALL
    SELECT * FROM alerts WHERE pump_id = ANY ($1::text[]) AND resolved_at IS NOT NULL) a
LEFT JOIN LATERAL (
    SELECT array_agg(kind ORDER BY clinic_seq) AS kinds, array_agg(clinic_seq ORDER BY clinic_seq) AS seqs,
           array_agg(at ORDER BY clinic_seq) AS moments, array_agg(priority ORDER BY clinic_seq) AS priorities,
           array_agg(from_state ORDER BY clinic_seq) AS from_states, array_agg(reason ORDER BY clinic_seq) AS reasons
    FROM alert_transitions
    WHERE alert_id = a.alert_id
      AND kind IN ('opened', 'priority_raised', 'acknowledgement_expired', 'returned')) p ON true
LEFT JOIN LATERAL (
    SELECT array_agg(DISTINCT occasion) AS occasions,
           CASE WHEN NOT bool_or(state = 'cancelled') THEN array_agg(DISTINCT priority) FILTER (WHERE state = 'sent') END
               AS told
    FROM deliveries WHERE alert_id = a.alert_id) o ON true
ORDER BY a.pump_id, a.rule, a.key;

-- name: pumps_to_look_at
-- Pumps with an alert that may be due for its next step, or whose acknowledgement has expired by $1.
SELECT DISTINCT pump_id FROM alerts
WHERE state = 'active' OR (state = 'acknowledged' AND acknowledgement_expires_at <= $1)
ORDER BY pump_id;

-- name: insert_alerts
INSERT INTO alerts (alert_id, clinic_id, pump_id, rule, key, priority, state, title, explanation, evidence, since,
                    opened_at, updated_at, policy_version)
SELECT alert_id, clinic_id, pump_id, rule, key, priority, 'active', title, explanation, evidence::jsonb, since, $11, $11, version
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[],
            $10::timestamptz[], $12::text[])
     AS new (alert_id, clinic_id, pump_id, rule, key, priority, title, explanation, evidence, since, version);

-- name: update_alerts
-- What changed of each alert. Null text: it stays. A priority, state or time that does not change is given as it is.
UPDATE alerts a
SET state = n.state, priority = n.priority,
    title = coalesce(n.title, a.title), explanation = coalesce(n.explanation, a.explanation),
    evidence = coalesce(n.evidence::jsonb, a.evidence), since = coalesce(n.since, a.since),
    policy_version = coalesce(n.version, a.policy_version), updated_at = $9,
    acknowledged_by = CASE WHEN n.state = 'active' THEN NULL ELSE a.acknowledged_by END,
    acknowledged_at = CASE WHEN n.state = 'active' THEN NULL ELSE a.acknowledged_at END,
    acknowledgement_expires_at = CASE WHEN n.state = 'active' THEN NULL ELSE a.acknowledgement_expires_at END,
    cleared_at = CASE WHEN n.state IN ('cleared', 'closed') THEN coalesce(a.cleared_at, $9) END,
    closed_at = CASE WHEN n.state = 'closed' THEN $9 END
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::timestamptz[], $8::text[])
     AS n (alert_id, state, priority, title, explanation, evidence, since, version)
WHERE a.alert_id = n.alert_id;

-- name: insert_transitions
-- In the order of the clinics, so that two transactions take the heads of the audit chains in one order.
INSERT INTO alert_transitions (clinic_id, alert_id, at, kind, from_state, to_state, priority, reason, actor, detail)
SELECT clinic_id, alert_id, $9, kind, from_state, to_state, priority, reason, actor, detail::jsonb
FROM unnest($1::text[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $10::text[])
     AS n (clinic_id, alert_id, kind, from_state, to_state, priority, reason, actor, detail)
ORDER BY clinic_id, alert_id
RETURNING alert_id, clinic_seq;

-- name: insert_deliveries
-- A delivery that exists already (same alert, occasion, contact and channel) stays as it is.
INSERT INTO deliveries (alert_id, clinic_id, occasion, contact, channel, priority, title, body, together, created_at, due_at)
SELECT alert_id, clinic_id, occasion, contact, channel, priority, title, body, together, $10, $10
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::boolean[])
     AS n (alert_id, clinic_id, occasion, contact, channel, priority, title, body, together)
ON CONFLICT (alert_id, occasion, contact, channel) DO NOTHING
RETURNING delivery_id;

-- name: cancel_deliveries
-- Nobody is to be told any more: the condition is over, or a person has it.
UPDATE deliveries SET state = 'cancelled' WHERE alert_id = ANY ($1::uuid[]) AND state = 'due';

-- name: pump_of_alert
SELECT pump_id FROM alerts WHERE alert_id = $1;

-- name: hold_pump
-- Hold one pump without counting it as evaluated.
INSERT INTO pump_evaluations (pump_id, evaluated_at) VALUES ($1, '2000-01-01Z')
ON CONFLICT (pump_id) DO UPDATE SET evaluated_at = pump_evaluations.evaluated_at;

-- name: alert_for_acknowledgement
SELECT alert_id, clinic_id, pump_id, rule, key, priority, state, since, title, explanation, evidence,
       acknowledged_by, acknowledgement_expires_at, coalesce(closed_at, cleared_at) AS ended_at, resolved_by
FROM alerts WHERE alert_id = $1 FOR UPDATE;

-- name: set_acknowledged
UPDATE alerts
SET state = $2::text, acknowledged_by = $3, acknowledged_at = $4::timestamptz, acknowledgement_expires_at = $5,
    updated_at = $4::timestamptz, closed_at = CASE WHEN $2::text = 'closed' THEN $4::timestamptz END
WHERE alert_id = $1;

-- name: set_resolved
UPDATE alerts
SET state = 'closed', resolved_by = $2, resolution = $3, resolved_at = $4::timestamptz, closed_at = $4::timestamptz,
    updated_at = $4::timestamptz
WHERE alert_id = $1;

-- name: claim_delivery
-- The most urgent delivery that is due at $1, unless its channel is already at its limit here ($3, $4, $5: the busy ones).
-- One that was being sent when its process died is due again when its lease ($2: until when) is over, or when that
-- process has not been heard of for 3 seconds and this one ($6) all the time: with the 1 second that it may take to look, 4
-- in all. Never one that this process is sending ($7): its outcome may wait for a database that was away.
WITH picked AS (
    SELECT o.delivery_id, o.alert_id FROM deliveries o
    WHERE ((o.state = 'due' AND o.due_at <= $1 AND NOT o.together)
        OR (o.state = 'sending'
            AND o.delivery_id <> ALL ($7::uuid[])
            AND (o.claimed_until < $1
              OR EXISTS (SELECT FROM worker_heartbeats w, worker_heartbeats me
                         WHERE w.worker_id = o.claimed_by AND w.beaten_at < clock_timestamp() - interval '3 seconds'
                           AND me.worker_id = $6 AND me.beaten_at > clock_timestamp() - interval '3 seconds'
                           AND me.beating_since < clock_timestamp() - interval '3 seconds'))))
      AND NOT EXISTS (
          SELECT FROM unnest($3::text[], $4::text[], $5::text[]) AS busy (clinic_id, contact, channel)
          WHERE busy.clinic_id = o.clinic_id AND busy.contact = o.contact AND busy.channel = o.channel)
    ORDER BY CASE o.priority WHEN 'high' THEN 0 WHEN 'medium' THEN 1 WHEN 'low' THEN 2 ELSE 3 END, o.due_at
    LIMIT 1 FOR UPDATE SKIP LOCKED)
UPDATE deliveries d
SET state = 'sending', claimed_until = $2, claimed_by = $6, attempts = attempts + 1, held_by = NULL, held_silence = NULL
FROM picked LEFT JOIN alerts a ON a.alert_id = picked.alert_id
WHERE d.delivery_id = picked.delivery_id
RETURNING d.delivery_id, d.clinic_id, d.contact, d.channel, d.occasion, d.priority, d.title, d.body, d.attempts,
          d.created_at, a.pump_id, a.rule,
          CASE WHEN a.alert_id IS NOT NULL THEN a.state = 'active'
               WHEN d.occasion NOT LIKE 'group:%' THEN true
               ELSE EXISTS (SELECT FROM deliveries f JOIN alerts fa ON fa.alert_id = f.alert_id
                            WHERE f.group_id = d.delivery_id AND fa.state = 'active') END AS wanted;

-- name: record_cancelled
UPDATE deliveries SET state = 'cancelled', claimed_until = NULL
WHERE delivery_id = $1 OR (group_id = $1 AND state = 'grouped');

-- name: record_sent
UPDATE deliveries SET state = 'sent', sent_at = $2, claimed_until = NULL, last_error = NULL
WHERE delivery_id = $1 OR (group_id = $1 AND state = 'grouped');

-- name: record_retry
-- Once nobody is to be told any more, a page that could not be sent is not tried again. Pages of a group wait with it.
UPDATE deliveries d
SET state = CASE WHEN d.state = 'grouped' THEN 'grouped' WHEN a.state IS DISTINCT FROM 'active' AND d.alert_id IS NOT NULL
                 THEN 'cancelled' ELSE 'due' END,
    due_at = $2, claimed_until = NULL, last_error = $3
FROM deliveries self LEFT JOIN alerts a ON a.alert_id = self.alert_id
WHERE d.delivery_id = self.delivery_id AND (self.delivery_id = $1 OR (self.group_id = $1 AND self.state = 'grouped'));

-- name: record_failed
UPDATE deliveries SET state = 'failed', claimed_until = NULL, last_error = $2
WHERE delivery_id = $1 OR (group_id = $1 AND state = 'grouped');

-- name: record_held
-- Not now: something holds the page ($3 which reason, $4 which silence, if it is one) until $2.
UPDATE deliveries
SET state = 'due', due_at = $2, held_by = $3, held_silence = $4, claimed_until = NULL,
    attempts = CASE WHEN state = 'sending' THEN attempts - 1 ELSE attempts END
WHERE delivery_id = $1;

-- name: insert_instead
-- Somebody else, or another channel, for the page $1 (or for every page of the group $1) that could not be sent. $5: the
-- step of the route that this is; null: the same as before.
INSERT INTO deliveries (alert_id, clinic_id, occasion, contact, channel, priority, title, body, together, created_at, due_at)
SELECT s.alert_id, s.clinic_id,
       CASE WHEN $5::integer IS NULL THEN s.occasion ELSE split_part(s.occasion, '/step:', 1) || '/step:' || $5 END,
       $2, $3, s.priority, s.title, s.body, s.priority <> 'high', $4, $4
FROM deliveries s LEFT JOIN alerts a ON a.alert_id = s.alert_id
WHERE (s.group_id = $1 OR (s.delivery_id = $1 AND s.occasion NOT LIKE 'group:%'))
  AND (a.state = 'active' OR a.alert_id IS NULL)
ON CONFLICT DO NOTHING;

-- name: lock_grouping
-- One process at a time puts pages together, so that there is one group and not two.
SELECT pg_try_advisory_xact_lock(7302411);

-- name: kinds_waiting
-- The kinds of pages that wait for more of their kind at $1, and when one page for many last went out of each.
SELECT w.*, (SELECT max(g.created_at) FROM deliveries g
             WHERE g.alert_id IS NULL AND g.clinic_id = w.clinic_id AND g.contact = w.contact AND g.channel = w.channel
               AND starts_with(g.occasion, format('group:%s/%s/%s:', w.rule, w.priority, w.step))) AS last_group_at
FROM (
    SELECT d.clinic_id, d.contact, d.channel, a.rule, d.priority,
           coalesce(nullif(split_part(d.occasion, '/step:', 2), ''), '0')::integer AS step,
           count(*) AS count, min(d.due_at) AS first_at, max(d.due_at) AS last_at
    FROM deliveries d JOIN alerts a USING (alert_id)
    WHERE d.state = 'due' AND d.together AND d.due_at <= $1
    GROUP BY 1, 2, 3, 4, 5, 6) w;

-- name: pages_of_kind
-- The pages of one kind that wait at $7, each with the pump that it is about.
SELECT d.delivery_id, a.pump_id
FROM deliveries d JOIN alerts a USING (alert_id)
WHERE d.state = 'due' AND d.together AND d.due_at <= $7 AND d.clinic_id = $1 AND d.contact = $2 AND d.channel = $3
  AND a.rule = $4 AND d.priority = $5 AND coalesce(nullif(split_part(d.occasion, '/step:', 2), ''), '0')::integer = $6
FOR UPDATE OF d;

-- name: release_pages
UPDATE deliveries SET together = false WHERE delivery_id = ANY ($1::uuid[]);

-- name: insert_group
INSERT INTO deliveries (clinic_id, occasion, contact, channel, priority, title, body, created_at, due_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8)
RETURNING delivery_id;

-- name: join_group
UPDATE deliveries SET state = 'grouped', group_id = $2 WHERE delivery_id = ANY ($1::uuid[]);

-- name: insert_notice
-- A page about Pumpwatch itself; one that exists already stays as it is.
INSERT INTO deliveries (clinic_id, occasion, contact, channel, priority, title, body, created_at, due_at)
SELECT clinic_id, occasion, contact, channel, 'high', title, body, $7, $7
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[])
     AS n (clinic_id, occasion, contact, channel, title, body)
ON CONFLICT DO NOTHING
RETURNING delivery_id;

-- name: unreached
-- Active alerts of which somebody should have been told and nobody was: no try has worked, and nothing holds the pages.
SELECT a.clinic_id, count(*) AS alerts
FROM alerts a
WHERE a.state = 'active'
  AND NOT EXISTS (SELECT FROM deliveries d WHERE d.alert_id = a.alert_id
                    AND (d.state = 'sent' OR (d.state IN ('due', 'sending', 'grouped') AND d.last_error IS NULL)))
  AND (a.priority IN ('high', 'medium') OR EXISTS (SELECT FROM deliveries d WHERE d.alert_id = a.alert_id))
GROUP BY a.clinic_id;

-- name: insert_silence
INSERT INTO silences (clinic_id, kind, pump_id, rule, includes_high, reason, created_by, created_at, begins_at, ends_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
RETURNING silence_id;

-- name: silences_now
-- What may hold pages of the clinic $1 at $2.
SELECT silence_id, clinic_id, kind, pump_id, rule, includes_high, reason, created_by, created_at, begins_at, ends_at
FROM silences WHERE clinic_id = $1 AND ended_at IS NULL AND begins_at <= $2 AND ends_at > $2;

-- name: list_silences
-- Silences of the clinic $1 (null: of all) that hold or are to come at $2.
SELECT silence_id, clinic_id, kind, pump_id, rule, includes_high, reason, created_by, created_at, begins_at, ends_at
FROM silences WHERE ($1::text IS NULL OR clinic_id = $1) AND ended_at IS NULL AND ends_at > $2
ORDER BY begins_at, silence_id;

-- name: end_silence
UPDATE silences SET ended_at = $2, ended_by = $3
WHERE silence_id = $1 AND ended_at IS NULL AND ends_at > $2 RETURNING clinic_id;

-- name: release_held
-- A silence has ended before its time: what it held is due.
UPDATE deliveries SET due_at = $2, held_by = NULL, held_silence = NULL WHERE held_silence = $1 AND state = 'due';

-- name: clinic_exists
SELECT EXISTS (SELECT FROM clinics WHERE clinic_id = $1);

-- name: registry
SELECT device_id, clinic_id, pump_id FROM registry WHERE pump_id IS NOT NULL;

-- name: open_high
SELECT pump_id, rule, key FROM alerts WHERE state <> 'closed' AND state <> 'cleared' AND priority = 'high';

-- name: stored_alarms
-- Which of the events $3 of the pumps $1 (each at its time $2) are stored.
SELECT p.event_id
FROM unnest($1::text[], $2::timestamptz[], $3::uuid[]) AS n (pump_id, observed_at, event_id)
JOIN pump_alarms p ON p.pump_id = n.pump_id AND p.observed_at = n.observed_at AND p.event_id = n.event_id;

-- name: insert_bypassed
INSERT INTO bypassed_pages (event_id, pump_id, clinic_id, rule, key, step, contact, channel, priority, title, body, sent_at)
SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
                     $9::text[], $10::text[], $11::text[], $12::timestamptz[])
ON CONFLICT DO NOTHING;

-- name: bypassed_to_settle
-- Pages about the pumps $1 that went out while the database was away, and whether their event is stored. A device that
-- said it twice may have the second event stored before the first, and the alert is about either.
SELECT b.*, EXISTS (SELECT FROM pump_alarms p WHERE p.pump_id = b.pump_id AND p.event_id = b.event_id) AS stored
FROM bypassed_pages b WHERE b.settled_at IS NULL AND b.pump_id = ANY ($1::text[])
FOR UPDATE;

-- name: adopt_bypassed
-- The page $1 ($2: its step, $3 its contact, $4 its channel) belongs to the alert $5 (null: it is over) as occasion $6.
WITH settled AS (
    UPDATE bypassed_pages SET settled_at = $7, alert_id = $5
    WHERE event_id = $1 AND step = $2 AND contact = $3 AND channel = $4
    RETURNING *)
INSERT INTO deliveries (alert_id, clinic_id, occasion, contact, channel, priority, title, body, state, created_at, due_at,
                        attempts, sent_at, bypassed)
SELECT alert_id, clinic_id, $6, contact, channel, priority, title, body, 'sent', sent_at, sent_at, 1, sent_at, true
FROM settled WHERE alert_id IS NOT NULL
ON CONFLICT DO NOTHING;

-- name: beat
INSERT INTO worker_heartbeats AS w (worker_id, service, at, beaten_at) VALUES ($1, 'alerts', $2, clock_timestamp())
ON CONFLICT (worker_id) DO UPDATE
SET at = excluded.at, beaten_at = excluded.beaten_at,
    beating_since = CASE WHEN w.beaten_at < excluded.beaten_at - interval '3 seconds' THEN excluded.beaten_at
                         ELSE w.beating_since END;

-- name: forget_heartbeats
DELETE FROM worker_heartbeats WHERE service = 'alerts' AND at < $1;

-- name: watch_status
-- Whether what the board shows is current: the oldest work that waits, and when each service last lived.
SELECT (SELECT min(queued_at) FROM evaluation_queue) AS oldest_queued_at,
       (SELECT min(e.evaluated_at) FROM pump_evaluations e) AS oldest_evaluated_at,
       (SELECT count(*) FROM devices WHERE kind = 'pump' AND retired_at IS NULL) AS pumps,
       (SELECT count(*) FROM pump_evaluations WHERE failures > 0) AS unjudged,
       (SELECT max(at) FROM worker_heartbeats WHERE service = 'alerts') AS alerts_alive_at,
       (SELECT max(at) FROM worker_heartbeats WHERE service = 'ingest') AS ingest_alive_at;

-- name: list_alerts
-- Alerts in the states $1 of the clinic $2 (null: of all), the most urgent that nobody has first; at most $3.
SELECT a.* FROM alerts a
WHERE a.state = ANY ($1::text[]) AND ($2::text IS NULL OR a.clinic_id = $2)
ORDER BY CASE a.state WHEN 'active' THEN 0 WHEN 'cleared' THEN 1 WHEN 'acknowledged' THEN 2 ELSE 3 END,
         CASE WHEN a.state <> 'closed' THEN CASE a.priority WHEN 'high' THEN 0 WHEN 'medium' THEN 1 WHEN 'low' THEN 2 ELSE 3 END END,
         coalesce(a.closed_at, a.opened_at) DESC, a.alert_id
LIMIT $3;

-- name: one_alert
SELECT * FROM alerts WHERE alert_id = $1;

-- name: count_open
SELECT priority, state, count(*) AS alerts FROM alerts
WHERE state <> 'closed' AND ($1::text IS NULL OR clinic_id = $1) GROUP BY 1, 2;

-- name: transitions_of
SELECT clinic_seq, at, kind, from_state, to_state, priority, reason, actor, detail
FROM alert_transitions WHERE alert_id = $1 ORDER BY clinic_seq;

-- name: deliveries_of
SELECT alert_id, delivery_id, occasion, contact, channel, priority, state, created_at, due_at, attempts, last_error, sent_at,
       held_by, group_id IS NOT NULL AS grouped, bypassed
FROM deliveries WHERE alert_id = ANY ($1::uuid[]) ORDER BY created_at, contact, channel;

-- name: audit_rows
-- The audit trail of the clinic $1 (null: every one) in order, each row with the hash that its content gives now.
SELECT t.clinic_id, t.clinic_seq, t.previous_hash, t.row_hash, alert_transition_hash(t) AS computed_hash
FROM alert_transitions t WHERE ($1::text IS NULL OR t.clinic_id = $1) ORDER BY t.clinic_id, t.clinic_seq;

-- name: audit_heads
SELECT clinic_id, clinic_seq, row_hash FROM audit_heads WHERE ($1::text IS NULL OR clinic_id = $1) ORDER BY clinic_id;
