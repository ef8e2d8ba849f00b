-- What is known of pumps.

-- name: facts
-- All that the rules need of the pumps $1 at $2, from what had been received by $3 (null: everything), with $4 windows of
-- 24 hours back from $2. One row for each pump that the registry knows. Every look-up is by (pump_id, observed_at).
--
-- Moments are judged (migration 0023): no later than received. Newest is by judged_at, then received_at, then seq. A bound from
-- below is one on observed_at, for the index and for chunks to be left out, and one on received_at: together on judged_at.
-- A refill or a therapy that another one of the pump replaces does not count, but was heard. What is dense is not bounded here by
-- the beginning of the implantation, which would be one more bound on chunks for each pump, but in services.alerts.facts.from_rows.
--
-- Kinds that are rare are read for all pumps at once: a look-up for each pump costs more than its rows. Kinds that are
-- dense are read pump by pump: sorting all pumps' rows together costs more than the look-ups. What is only counted is
-- counted by services.alerts.facts.from_rows; its moments are seconds since 1970 (docs/decisions/0010-evaluation-at-scale.md).
WITH asked AS (
    SELECT d.device_id AS pump_id, d.clinic_id, d.retired_at IS NULL AS enrolled,
           i.implantation_id, coalesce(i.implanted, true) AS implanted, coalesce(i.began_at, '-infinity') AS since
    FROM devices d
    LEFT JOIN LATERAL (SELECT implantation_id, implanted, began_at FROM implantations
                       WHERE pump_id = d.device_id AND began_at <= $2::timestamptz ORDER BY began_at DESC LIMIT 1) i ON true
    WHERE d.device_id = ANY ($1::text[]) AND d.kind = 'pump'),
-- The pumps, few of them, whose facts begin anew at a moment: nothing that is judged to be before it counts (decision 19).
anew AS MATERIALIZED (SELECT pump_id, since FROM asked WHERE since > '-infinity'),
-- The newest therapy, and when what it prescribes was programmed first: a refill repeats it with another date.
therapy AS (
    SELECT DISTINCT ON (pump_id) compared.*, max(began_at) OVER (PARTITION BY pump_id) AS changed_at
    FROM (
        SELECT newest.*,
               CASE WHEN lead(moment) OVER back IS NOT NULL
                     AND (drugs, profile, bolus_dose_mcg, bolus_lockout_minutes, bolus_limit_per_24h) IS DISTINCT FROM
                         (lead(drugs) OVER back, lead(profile) OVER back, lead(bolus_dose_mcg) OVER back,
                          lead(bolus_lockout_minutes) OVER back, lead(bolus_limit_per_24h) OVER back)
                    THEN moment END AS began_at
        FROM (
            SELECT t.*, judged_at(observed_at, received_at) AS moment,
                   row_number() OVER (PARTITION BY pump_id ORDER BY judged_at(observed_at, received_at) DESC,
                                      received_at DESC, seq DESC NULLS LAST, event_id DESC) AS position
            FROM (
                SELECT *, array_agg(replaces) FILTER (WHERE replaces <> event_id) OVER (PARTITION BY pump_id) AS replaced
                FROM therapies
                WHERE pump_id = ANY ($1::text[]) AND received_at <= coalesce($3::timestamptz, 'infinity')) t
            WHERE event_id <> ALL (coalesce(replaced, '{}'))
              AND NOT EXISTS (SELECT FROM anew WHERE anew.pump_id = t.pump_id
                              AND judged_at(t.observed_at, t.received_at) < anew.since)) newest
        WHERE position <= 8
        WINDOW back AS (PARTITION BY pump_id ORDER BY position)) compared
    ORDER BY pump_id, position),
-- The newest refill began with the earliest entry of it: services.alerts.facts.refills says which are entries of one refill.
refill AS (
    SELECT pump_id, array_agg(moment ORDER BY position) AS moments, array_agg(received_at ORDER BY position) AS received,
           array_agg(expected_ml ORDER BY position) AS expected, array_agg(measured_ml ORDER BY position) AS measured,
           array_agg(filled_ml ORDER BY position) AS filled,
           min(moment) FILTER (WHERE moment > newest_moment - interval '24 hours' AND agreeing >= 2) AS newest_at
    FROM (
        SELECT entry.*, first_value(moment) OVER visit AS newest_moment,
               (abs(expected_ml - first_value(expected_ml) OVER visit) < 0.05)::integer
               + (abs(measured_ml - first_value(measured_ml) OVER visit) < 0.05)::integer
               + (abs(filled_ml - first_value(filled_ml) OVER visit) < 0.05)::integer AS agreeing
        FROM (SELECT pump_id, judged_at(observed_at, received_at) AS moment, received_at, expected_ml, measured_ml, filled_ml,
               row_number() OVER (PARTITION BY pump_id ORDER BY judged_at(observed_at, received_at) DESC,
                                  received_at DESC, seq DESC NULLS LAST, event_id DESC) AS position
        FROM (
            SELECT *, array_agg(replaces) FILTER (WHERE replaces <> event_id) OVER (PARTITION BY pump_id) AS replaced
            FROM refills
            WHERE pump_id = ANY ($1::text[]) AND received_at <= coalesce($3::timestamptz, 'infinity')) r
        WHERE event_id <> ALL (coalesce(replaced, '{}'))
          AND NOT EXISTS (SELECT FROM anew WHERE anew.pump_id = r.pump_id
                          AND judged_at(r.observed_at, r.received_at) < anew.since)) entry
        WHERE position <= 12 WINDOW visit AS (PARTITION BY pump_id ORDER BY position)) newest
    GROUP BY pump_id),
-- The events that decide: the last `cleared` of a code, and the first and last `raised` that it cannot end. One that is dated
-- ahead is proof of order only for what was dated earlier than it by more than its clock is off, or was received before it.
alarm AS (
    SELECT pump_id, array_agg(code) AS codes, array_agg(state) AS states, array_agg(observed_at) AS moments,
           array_agg(received_at) AS received, array_agg(device_id) AS device_ids, array_agg(seq) AS seqs,
           array_agg(event_id) AS event_ids, array_agg(detail) AS details
    FROM (
        SELECT known.*,
               min(moment) FILTER (WHERE state = 'raised' AND moment > coalesce(cleared_at, '-infinity')
                                   AND received_at > coalesce(ahead_at, '-infinity')) OVER by_code AS first_at,
               max(moment) FILTER (WHERE state = 'raised' AND moment > coalesce(cleared_at, '-infinity')
                                   AND received_at > coalesce(ahead_at, '-infinity')) OVER by_code AS last_at
        FROM (
            SELECT each.*, max(proven_at) FILTER (WHERE state = 'cleared') OVER by_code AS cleared_at,
                   max(received_at) FILTER (WHERE state = 'cleared' AND observed_at > received_at) OVER by_code AS ahead_at
            FROM (
                SELECT pump_id, code, state, observed_at, received_at, device_id, seq, event_id, detail,
                       judged_at(observed_at, received_at) AS moment,
                       CASE WHEN observed_at <= received_at THEN observed_at
                            ELSE (received_at AT TIME ZONE 'UTC' - (observed_at - received_at)) AT TIME ZONE 'UTC'
                       END AS proven_at
                FROM pump_alarms a
                WHERE pump_id = ANY ($1::text[]) AND received_at <= coalesce($3::timestamptz, 'infinity')
                  AND NOT EXISTS (SELECT FROM anew WHERE anew.pump_id = a.pump_id
                                  AND judged_at(a.observed_at, a.received_at) < anew.since)) each
            WINDOW by_code AS (PARTITION BY pump_id, code)) known
        WINDOW by_code AS (PARTITION BY pump_id, code)) marked
    WHERE CASE state WHEN 'cleared' THEN proven_at = cleared_at OR observed_at > received_at AND received_at = ahead_at
          ELSE moment >= coalesce(cleared_at, '-infinity') AND received_at >= coalesce(ahead_at, '-infinity')
               AND (moment IN (cleared_at, first_at, last_at) OR received_at = ahead_at) END
    GROUP BY pump_id),
-- What else was heard, other than readings: these are rare.
heard AS (
    SELECT pump_id, array_agg(date_part('epoch', moment)) AS moments
    FROM (
        SELECT pump_id, judged_at(observed_at, received_at) AS moment
        FROM (SELECT pump_id, observed_at, received_at FROM pump_alarms
              UNION ALL SELECT pump_id, observed_at, received_at FROM patient_reports
              UNION ALL SELECT pump_id, observed_at, received_at FROM refills
              UNION ALL SELECT pump_id, observed_at, received_at FROM therapies) any_kind
        WHERE pump_id = ANY ($1::text[]) AND observed_at > $2::timestamptz - $4::integer * interval '24 hours'
          AND received_at <= coalesce($3::timestamptz, 'infinity')) each
    WHERE moment > $2::timestamptz - $4::integer * interval '24 hours'
      AND NOT EXISTS (SELECT FROM anew WHERE anew.pump_id = each.pump_id AND each.moment < anew.since)
    GROUP BY pump_id),
report AS (
    SELECT pump_id, array_agg(complaint ORDER BY position) AS complaints, array_agg(score ORDER BY position) AS scores,
           array_agg(moment ORDER BY position) AS moments
    FROM (
        SELECT pump_id, complaint, score, judged_at(observed_at, received_at) AS moment,
               row_number() OVER (PARTITION BY pump_id ORDER BY judged_at(observed_at, received_at) DESC,
                                  received_at DESC, seq DESC NULLS LAST, event_id DESC) AS position
        FROM patient_reports r
        WHERE pump_id = ANY ($1::text[]) AND observed_at > $2::timestamptz - interval '30 days'
          AND received_at > $2::timestamptz - interval '30 days'
          AND received_at <= coalesce($3::timestamptz, 'infinity')
          AND NOT EXISTS (SELECT FROM anew WHERE anew.pump_id = r.pump_id
                          AND judged_at(r.observed_at, r.received_at) < anew.since)) newest
    WHERE position <= 20 GROUP BY pump_id),
told_by AS (
    SELECT pump_id, count(DISTINCT handheld_id) AS handhelds_ever FROM pairings
    WHERE pump_id = ANY ($1::text[]) GROUP BY pump_id)
SELECT asked.pump_id, asked.clinic_id, asked.enrolled, asked.implantation_id, asked.implanted, asked.since > '-infinity' AS is_anew,
       date_part('epoch', asked.since) AS since,
       reading.volume_ml, reading.basis, reading.moment AS reading_at, reading.device_id AS reading_device,
       reading.received_at AS reading_received_at, oldest.moment AS first_reading_at,
       earlier.volume_ml AS earlier_ml, earlier.moment AS earlier_at,
       measured.volumes AS measured_ml, measured.moments AS measured_at, measured.dates AS measured_dates,
       therapy.moment AS therapy_at, therapy.drugs, therapy.profile, therapy.bolus_dose_mcg, therapy.bolus_limit_per_24h,
       therapy.bolus_lockout_minutes,
       therapy.reservoir_size_ml, therapy.low_reservoir_ml AS programmed_low_ml, therapy.refill_due, therapy.changed_at,
       first.volume_ml AS first_ml, first.moment AS first_at,
       flow.moments AS flows_at, flow.drugs AS flows_drugs, flow.profiles AS flows_profile, flow.doses AS flows_dose_mcg,
       refill.moments AS refills_at, refill.received AS refills_received_at, refill.expected AS refills_expected_ml,
       refill.measured AS refills_measured_ml, refill.filled AS refills_filled_ml,
       alarm.codes, alarm.states, alarm.moments, alarm.received AS alarms_received_at, alarm.device_ids, alarm.seqs,
       alarm.event_ids, alarm.details,
       request.moments AS requests_at, request.outcomes, request.own AS own_requests, latest.devices AS latest_devices, latest.received AS latest_received_at,
       status.moments AS statuses_at, status.received AS statuses_received_at, status.devices AS status_devices,
       heard.moments AS also_heard_at, report.complaints, report.scores, report.moments AS reports_at,
       told_by.handhelds_ever,
       status.ahead AS statuses_ahead
FROM asked
LEFT JOIN therapy USING (pump_id)
LEFT JOIN refill USING (pump_id)
LEFT JOIN alarm USING (pump_id)
LEFT JOIN heard USING (pump_id)
LEFT JOIN report USING (pump_id)
LEFT JOIN told_by USING (pump_id)
-- The newest reading by the device's clock and, where that is dated ahead, the newest of those that it may hide: they are dated
-- later than it came. One look-up of one row; the second is made only for a clock that is ahead.
LEFT JOIN LATERAL (
    SELECT volume_ml, basis, observed_at, received_at, device_id FROM reservoir_readings
    WHERE pump_id = asked.pump_id AND received_at <= coalesce($3::timestamptz, 'infinity')
    ORDER BY observed_at DESC, received_at DESC, seq DESC NULLS LAST, event_id DESC LIMIT 1) dated ON true
LEFT JOIN LATERAL (
    SELECT dated.volume_ml, dated.basis, dated.observed_at AS moment, dated.device_id, dated.received_at
    WHERE dated.observed_at <= dated.received_at
    UNION ALL
    (SELECT volume_ml, basis, judged_at(observed_at, received_at), device_id, received_at FROM reservoir_readings
     WHERE dated.observed_at > dated.received_at AND pump_id = asked.pump_id AND observed_at >= dated.received_at
       AND received_at <= coalesce($3::timestamptz, 'infinity')
     ORDER BY judged_at(observed_at, received_at) DESC, received_at DESC, seq DESC NULLS LAST, event_id DESC LIMIT 1)
    ) reading ON true
-- The oldest of the first ten: one that is dated ahead may have come before the first that is not.
LEFT JOIN LATERAL (
    SELECT min(date_part('epoch', judged_at(observed_at, received_at))) AS moment
    FROM (
        SELECT observed_at, received_at FROM reservoir_readings
        WHERE pump_id = asked.pump_id AND observed_at > $2::timestamptz - $4::integer * interval '24 hours'
          AND received_at <= coalesce($3::timestamptz, 'infinity')
        ORDER BY observed_at LIMIT 10) first) oldest ON true
LEFT JOIN LATERAL (
    SELECT array_agg(date_part('epoch', judged_at(observed_at, received_at))) AS moments, array_agg(outcome) AS outcomes,
           max(judged_at(observed_at, received_at)) AS newest_at, count(*) FILTER (WHERE device_id = asked.pump_id) AS own
    FROM bolus_requests
    WHERE pump_id = asked.pump_id AND observed_at > $2::timestamptz - $4::integer * interval '24 hours'
      AND received_at > $2::timestamptz - $4::integer * interval '24 hours'
      AND received_at <= coalesce($3::timestamptz, 'infinity')) request ON true
LEFT JOIN LATERAL (
    SELECT array_agg(date_part('epoch', judged_at(observed_at, received_at))) AS moments,
           array_agg(received_at) AS received, array_agg(device_id) AS devices,
           array_agg(CASE WHEN observed_at > received_at THEN date_part('epoch', observed_at - received_at) END) AS ahead
    FROM device_statuses
    WHERE pump_id = asked.pump_id AND observed_at > $2::timestamptz - greatest($4::integer, 60) * interval '24 hours'
      AND received_at <= coalesce($3::timestamptz, 'infinity')) status ON true
-- The bound of 400 days looks idle and is not: it rules chunks out once for the statement; the bounds that come from other
-- rows do it again for each pump, and cost more with every chunk there is (bench/results/storage.md).
--
-- The first after a moment is the first by the device's clock, of those that are judged to be after it: what is dated ahead
-- comes too late in that order, and so outranks nothing.
LEFT JOIN LATERAL (
    SELECT volume_ml, judged_at(observed_at, received_at) AS moment FROM reservoir_readings
    WHERE pump_id = asked.pump_id AND basis = 'computed' AND reading.basis = 'computed'
      AND observed_at > $2::timestamptz - interval '400 days'
      AND observed_at >= greatest(reading.moment - interval '7 days', refill.newest_at, therapy.moment, asked.since)
      AND received_at >= greatest(reading.moment - interval '7 days', refill.newest_at, therapy.moment, asked.since)
      AND received_at <= coalesce($3::timestamptz, 'infinity')
    ORDER BY observed_at, received_at DESC, seq DESC NULLS LAST, event_id DESC LIMIT 1) earlier ON true
-- The same as `earlier`, whatever the therapy; looked up only where a therapy came after both the refill and the week.
LEFT JOIN LATERAL (
    SELECT volume_ml, judged_at(observed_at, received_at) AS moment FROM reservoir_readings
    WHERE pump_id = asked.pump_id AND basis = 'computed' AND reading.basis = 'computed'
      AND therapy.moment > greatest(reading.moment - interval '7 days', refill.newest_at)
      AND observed_at > $2::timestamptz - interval '400 days'
      AND observed_at >= greatest(reading.moment - interval '7 days', refill.newest_at, asked.since)
      AND received_at >= greatest(reading.moment - interval '7 days', refill.newest_at, asked.since)
      AND received_at <= coalesce($3::timestamptz, 'infinity')
    ORDER BY observed_at, received_at DESC, seq DESC NULLS LAST, event_id DESC LIMIT 1) first ON true
-- All measured ones since the refill, newest first: few, and with an index of their own (migration 0025).
LEFT JOIN LATERAL (
    SELECT array_agg(volume_ml) AS volumes, array_agg(moment) AS moments, array_agg(observed_at) AS dates,
           max(moment) AS newest_at
    FROM (SELECT volume_ml, judged_at(observed_at, received_at) AS moment, observed_at FROM reservoir_readings
          WHERE pump_id = asked.pump_id AND basis = 'measured' AND observed_at >= $2::timestamptz - interval '400 days'
            AND observed_at >= greatest($2::timestamptz - interval '400 days', refill.newest_at + interval '15 minutes', asked.since)
            AND received_at >= greatest($2::timestamptz - interval '400 days', refill.newest_at + interval '15 minutes', asked.since)
            AND received_at <= coalesce($3::timestamptz, 'infinity')
          ORDER BY judged_at(observed_at, received_at) DESC, received_at DESC, seq DESC NULLS LAST, event_id DESC) newest
    ) measured ON true
-- What flowed before the newest therapy; looked up only where that came after the measured reading.
LEFT JOIN LATERAL (
    SELECT array_agg(moment) AS moments, array_agg(drugs) AS drugs, array_agg(profile) AS profiles,
           array_agg(bolus_dose_mcg) AS doses
    FROM (SELECT judged_at(observed_at, received_at) AS moment, drugs, profile, bolus_dose_mcg FROM therapies
          WHERE pump_id = asked.pump_id AND therapy.moment > measured.newest_at AND event_id <> therapy.event_id
            AND judged_at(observed_at, received_at) >= asked.since
            AND event_id <> ALL (coalesce(therapy.replaced, '{}')) AND received_at <= coalesce($3::timestamptz, 'infinity')
          ORDER BY judged_at(observed_at, received_at) DESC, received_at DESC, seq DESC NULLS LAST, event_id DESC LIMIT 7) before
    ) flow ON true
-- Who told of the newest request, and when.
LEFT JOIN LATERAL (
    SELECT array_agg(device_id) AS devices, array_agg(received_at) AS received FROM bolus_requests
    WHERE pump_id = asked.pump_id AND observed_at >= request.newest_at
      AND received_at >= request.newest_at
      AND observed_at > $2::timestamptz - $4::integer * interval '24 hours'
      AND received_at <= coalesce($3::timestamptz, 'infinity')) latest ON true;
