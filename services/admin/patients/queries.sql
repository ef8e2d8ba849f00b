-- One patient's data: a copy, and its erasure. The caller owns the transaction. $1 is the pump, $2 and $3 the implantation's
-- beginning and end, unless it is said otherwise; infinities come as the years 1000 and 9000 (EVER and FOREVER of the registry).

-- name: implantations_named
-- Every implantation of the pump $1, or with the reference $1.
SELECT implantation_id, pump_id, number, first, patient_ref, greatest(began_at, '1000-01-01Z') AS since,
       coalesce(ended_at, '9000-01-01Z') AS until, retired, erased_at
FROM (
    SELECT i.*, (count(*) FILTER (WHERE i.implanted) OVER entries)::int AS number, row_number() OVER entries = 1 AS first,
           lead(i.began_at) OVER entries AS ended_at, d.retired_at IS NOT NULL AS retired
    FROM implantations i JOIN devices d ON d.device_id = i.pump_id
    WHERE i.pump_id IN (SELECT pump_id FROM implantations WHERE pump_id = $1 OR patient_ref = $1)
    WINDOW entries AS (PARTITION BY i.pump_id ORDER BY i.began_at)) every
WHERE implanted AND (pump_id = $1 OR patient_ref = $1) ORDER BY pump_id, began_at;

-- name: spans
-- The pump itself, and each handheld while it was paired with it.
SELECT $1::text AS device_id, $2::timestamptz AS since, $3::timestamptz AS until
UNION ALL
SELECT handheld_id, greatest(paired_at, $2), least(coalesce(ended_at, 'infinity'), $3)
FROM pairings WHERE pump_id = $1 AND paired_at < $3 AND coalesce(ended_at, 'infinity') > greatest(paired_at, $2);

-- name: alert_ids
-- $4 the implantation, $5 whether it is the pump's first entry. An alert of an entry that was taken back is of its moment.
SELECT alert_id FROM alerts a
WHERE a.pump_id = $1 AND (a.implantation_id = $4 OR ($5 AND a.implantation_id IS NULL)
    OR (NOT EXISTS (SELECT FROM implantations i WHERE i.implantation_id = a.implantation_id)
        AND a.implantation_id IS NOT NULL AND a.opened_at >= $2 AND a.opened_at < $3))
ORDER BY opened_at, alert_id;

-- name: in_utc
SET LOCAL TIME ZONE 'UTC';

-- The copy: each row as JSON, its times in UTC ------------------------------------------------------------------------

-- name: copy_implantation
-- $1 the implantation.
SELECT to_jsonb(i) FROM implantations i WHERE implantation_id = $1;

-- name: copy_clinics
SELECT to_jsonb(m) FROM memberships m WHERE pump_id = $1 AND began_at < $3 AND ended_at > $2 ORDER BY began_at;

-- name: copy_pairings
SELECT to_jsonb(p) FROM pairings p
WHERE pump_id = $1 AND paired_at < $3 AND coalesce(ended_at, 'infinity') > greatest(paired_at, $2) ORDER BY paired_at;

-- name: copy_registry_changes
-- $2 what names the patient.
SELECT to_jsonb(c) FROM registry_changes c WHERE device_ids @> ARRAY[$1::text] AND detail::text ~ $2 ORDER BY change_id;

-- name: copy_events
SELECT to_jsonb(e) FROM {table} e
WHERE pump_id = $1 AND observed_at >= $2 AND judged_at(observed_at, received_at) >= $2 AND judged_at(observed_at, received_at) < $3
ORDER BY observed_at, event_id;

-- name: copy_refused_alarms
SELECT to_jsonb(r) FROM refused_alarms r WHERE pump_id = $1 AND received_at >= $2 AND received_at < $3 ORDER BY received_at;

-- name: copy_alerts
-- $1 the alerts.
SELECT to_jsonb(a) FROM alerts a WHERE alert_id = ANY ($1::uuid[]) ORDER BY opened_at, alert_id;

-- name: copy_audit_rows
-- $1 the alerts.
SELECT to_jsonb(t) || jsonb_build_object('previous_hash', encode(previous_hash, 'hex'), 'row_hash', encode(row_hash, 'hex'))
FROM alert_transitions t WHERE alert_id = ANY ($1::uuid[]) ORDER BY clinic_id, clinic_seq;

-- name: copy_deliveries
-- $1 the alerts. What a receiver answered may hold its address.
SELECT to_jsonb(d) - 'last_error' FROM deliveries d WHERE alert_id = ANY ($1::uuid[]) ORDER BY created_at, delivery_id;

-- name: copy_bypassed_pages
-- $4 the alerts.
SELECT to_jsonb(b) FROM bypassed_pages b
WHERE pump_id = $1 AND (alert_id = ANY ($4::uuid[]) OR alert_id IS NULL AND sent_at >= $2 AND sent_at < $3)
ORDER BY sent_at;

-- name: copy_promises
-- $1 the alerts.
SELECT to_jsonb(p) FROM promises p WHERE alert_id = ANY ($1::uuid[]) ORDER BY made_at, promise_id;

-- name: copy_refill_visits
-- $4 the implantation. An entry of one that was taken back is of its moment.
SELECT to_jsonb(v) FROM refill_visits v
WHERE pump_id = $1 AND (implantation_id = $4
    OR said_at >= $2 AND said_at < $3 AND NOT EXISTS (SELECT FROM implantations i WHERE i.implantation_id = v.implantation_id))
ORDER BY said_at, entry_id;

-- name: copy_silences
SELECT to_jsonb(s) FROM silences s WHERE pump_id = $1 AND created_at >= $2 AND created_at < $3 ORDER BY created_at;

-- name: copy_pauses
-- $1 devices, $2 since, $3 until: when a device was silent for half an hour or more, and heard again.
SELECT jsonb_build_object('device_id', l.device_id, 'paused_at', u.paused, 'resumed_at', u.resumed)
FROM device_last_seen l CROSS JOIN LATERAL unnest(l.paused_at, l.resumed_at) AS u (paused, resumed)
WHERE EXISTS (SELECT FROM unnest($1::text[], $2::timestamptz[], $3::timestamptz[]) AS s (device_id, since, until)
              WHERE s.device_id = l.device_id AND u.paused >= s.since AND u.paused < s.until)
ORDER BY l.device_id, u.paused;

-- name: copy_dead_letter_days
-- $1 devices, $2 since, $3 until: days that lie wholly within.
SELECT to_jsonb(d) FROM dead_letter_days d
WHERE EXISTS (SELECT FROM unnest($1::text[], $2::timestamptz[], $3::timestamptz[]) AS s (device_id, since, until)
              WHERE s.device_id = d.device_id AND d.day AT TIME ZONE 'UTC' >= s.since AND (d.day + 1) AT TIME ZONE 'UTC' <= s.until)
ORDER BY device_id, day;

-- name: dead_letters_of
-- Of the devices $1.
SELECT dead_letter_id AS id, device_id, first_received_at AS received_at, payload,
       (to_jsonb(l) - 'payload' - 'digest')::text AS row
FROM dead_letters l WHERE device_id = ANY ($1::text[]) ORDER BY dead_letter_id;

-- name: late_messages_of
-- Of the devices $1.
SELECT late_message_id AS id, split_part(topic, '/', 3) AS device_id, received_at, payload,
       (to_jsonb(l) - 'payload' - 'correlation_data')::text AS row
FROM late_messages l WHERE split_part(topic, '/', 3) = ANY ($1::text[]) ORDER BY late_message_id;

-- The erasure ---------------------------------------------------------------------------------------------------------

-- name: open_alerts
-- Of the alerts $1.
SELECT count(*) FROM alerts WHERE alert_id = ANY ($1::uuid[]) AND state <> 'closed';

-- name: pages_under_way
-- About the alerts $1, alone or with others.
SELECT count(*) FROM deliveries
WHERE state IN ('due', 'sending')
  AND (alert_id = ANY ($1::uuid[]) OR delivery_id IN (SELECT group_id FROM deliveries WHERE alert_id = ANY ($1::uuid[])));

-- name: erase_events
DELETE FROM {table}
WHERE pump_id = $1 AND observed_at >= $2 AND judged_at(observed_at, received_at) >= $2 AND judged_at(observed_at, received_at) < $3;

-- name: erase_refused_alarms
DELETE FROM refused_alarms WHERE pump_id = $1 AND received_at >= $2 AND received_at < $3;

-- name: erase_alerts
-- $1 the alerts: what they say goes. That they were, their rule, their times and who answered stay, as the trail names them.
UPDATE alerts
SET title = 'Erased', explanation = 'What was recorded of this patient was erased.', said = NULL, evidence = '{}',
    key = 'erased:' || alert_id, since = opened_at, resolution = CASE WHEN resolution IS NOT NULL THEN 'erased' END,
    acceptance = NULL, accepted_by = NULL, accepted_by_id = NULL, accepted_at = NULL, accepted_since = NULL, accepted_per_day = NULL
WHERE alert_id = ANY ($1::uuid[]);

-- name: erase_deliveries
-- $1 the alerts. Of a page about several, the whole text: it names each pump. A promise is told by a page about no single alert.
UPDATE deliveries SET title = 'Erased', body = 'Erased', last_error = CASE WHEN last_error IS NOT NULL THEN 'erased' END
WHERE alert_id = ANY ($1::uuid[]) OR delivery_id IN (SELECT group_id FROM deliveries WHERE alert_id = ANY ($1::uuid[]))
   OR kind = 'notice' AND episode IN (SELECT 'promise:' || promise_id FROM promises WHERE alert_id = ANY ($1::uuid[]));

-- name: erase_promises
-- $1 the alerts.
UPDATE promises SET words = 'erased' WHERE alert_id = ANY ($1::uuid[]);

-- name: erase_bypassed_pages
-- $4 the alerts.
DELETE FROM bypassed_pages
WHERE pump_id = $1 AND (alert_id = ANY ($4::uuid[]) OR alert_id IS NULL AND sent_at >= $2 AND sent_at < $3);

-- name: erase_refill_visits
-- $4 the implantation.
DELETE FROM refill_visits v
WHERE pump_id = $1 AND (implantation_id = $4
    OR said_at >= $2 AND said_at < $3 AND NOT EXISTS (SELECT FROM implantations i WHERE i.implantation_id = v.implantation_id));

-- name: erase_silences
UPDATE silences SET reason = 'erased' WHERE pump_id = $1 AND created_at >= $2 AND created_at < $3;

-- name: erase_pauses
-- $1 devices, $2 since, $3 until.
UPDATE device_last_seen l
SET (paused_at, resumed_at) = (
    SELECT coalesce(array_agg(u.paused ORDER BY u.place), '{}'), coalesce(array_agg(u.resumed ORDER BY u.place), '{}')
    FROM unnest(l.paused_at, l.resumed_at) WITH ORDINALITY AS u (paused, resumed, place)
    WHERE NOT EXISTS (SELECT FROM unnest($1::text[], $2::timestamptz[], $3::timestamptz[]) AS s (device_id, since, until)
                      WHERE s.device_id = l.device_id AND u.paused >= s.since AND u.paused < s.until))
WHERE l.device_id = ANY ($1::text[]) AND cardinality(l.paused_at) > 0;

-- name: erase_dead_letter_days
-- $1 devices, $2 since, $3 until.
DELETE FROM dead_letter_days d
WHERE EXISTS (SELECT FROM unnest($1::text[], $2::timestamptz[], $3::timestamptz[]) AS s (device_id, since, until)
              WHERE s.device_id = d.device_id AND d.day AT TIME ZONE 'UTC' >= s.since AND (d.day + 1) AT TIME ZONE 'UTC' <= s.until);

-- name: erase_dead_letters
DELETE FROM dead_letters WHERE dead_letter_id = ANY ($1::bigint[]);

-- name: cut_dead_letter
-- $2 what is about others.
UPDATE dead_letters SET payload = $2, detail = 'erased in part', event_id = NULL WHERE dead_letter_id = $1;

-- name: erase_late_messages
DELETE FROM late_messages WHERE late_message_id = ANY ($1::bigint[]);

-- name: erase_registry_changes
-- $2 what names the patient.
UPDATE registry_changes SET detail = '{"erased": true}'
WHERE device_ids @> ARRAY[$1::text] AND detail::text ~ $2 AND detail <> '{"erased": true}';

-- name: erase_audit_details
-- $1 the alerts: each row that says something, and the hash that its content gives from now on.
UPDATE alert_transitions AS t SET detail = '{"erased": true}'
WHERE alert_id = ANY ($1::uuid[]) AND detail NOT IN ('{}', '{"erased": true}')
RETURNING clinic_id, clinic_seq, encode(alert_transition_hash(t), 'hex') AS hash;

-- name: clinics_of
-- Which clinics looked after the pump in the time.
SELECT DISTINCT clinic_id FROM memberships WHERE pump_id = $1 AND began_at < $3 AND ended_at > $2 ORDER BY clinic_id;

-- name: erase_reference
-- $1 the implantation, $2 when.
UPDATE implantations SET patient_ref = NULL, erased_at = $2 WHERE implantation_id = $1;

-- name: record_erasure
-- In the trail of the clinic $1, by $2 at $3.
SELECT append_to_audit(ARRAY[$1::text], ARRAY[NULL]::uuid[], '{erased}', ARRAY[NULL]::text[], '{erased}', '{info}', '{person_erased}',
                       ARRAY[$2::text], $3::timestamptz, ARRAY[$4::text]);

-- name: has_rollup
SELECT EXISTS (SELECT FROM pg_extension WHERE extname = 'timescaledb')
   AND EXISTS (SELECT FROM pg_class WHERE relname LIKE '\_materialized\_hypertable\_%' AND relkind = 'r');

-- name: refresh_rollup
CALL refresh_continuous_aggregate('bolus_daily', NULL, NULL);

-- name: forget_samples
-- What the planner has sampled of texts is sampled anew.
ANALYZE implantations, registry_changes, alerts, deliveries, dead_letters;
