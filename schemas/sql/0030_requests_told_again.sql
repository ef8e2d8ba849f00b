-- A request that two devices hand in is one request, also in what is shown and summed
-- (docs/decisions/0019-identity-has-periods.md). All editions.
--
-- Nothing is stored: what was told again is found when it is read, and only of pumps whose requests several devices may have told.
-- So `bolus_daily` stays the count of what is stored, and a late event, a new lockout or a corrected registry needs nothing to be
-- counted anew.

-- Requests that the pump itself tells, and no handheld. Empty where handhelds tell them.
-- IS NOT DISTINCT FROM, because an equality the planner would mix with others, and not find the index by it.
CREATE INDEX bolus_requests_own ON bolus_requests (pump_id, observed_at) WHERE device_id IS NOT DISTINCT FROM pump_id;

-- told_again(at, device_id, within_seconds): of requests of one outcome in the order of `at` (seconds since 1970) and device_id,
-- whether the last one was told before by another device. The same as services/alerts/facts/twins.py, which says why.
CREATE TYPE told_presses AS (at double precision[], devices text[], again boolean);
COMMENT ON TYPE told_presses IS
    'The presses that are not further back than the lockout: when, and who told of each, a line for each device.';
CREATE FUNCTION told_next(presses told_presses, at double precision, device_id text, within_seconds double precision)
RETURNS told_presses LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
    WHILE at - presses.at[1] >= within_seconds LOOP
        presses.at := presses.at[2:];
        presses.devices := presses.devices[2:];
    END LOOP;
    FOR press IN 1 .. cardinality(presses.at) LOOP
        IF device_id <> ALL (string_to_array(presses.devices[press], E'\n')) THEN
            presses.devices[press] := presses.devices[press] || E'\n' || device_id;
            presses.again := true;
            RETURN presses;
        END IF;
    END LOOP;
    presses.at := presses.at || at;
    presses.devices := presses.devices || device_id;
    presses.again := false;
    RETURN presses;
END
$$;
CREATE FUNCTION told_last(presses told_presses) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN (presses).again;
CREATE AGGREGATE told_again(double precision, text, double precision) (
    SFUNC = told_next, STYPE = told_presses, INITCOND = '({},{},f)', FINALFUNC = told_last, PARALLEL = SAFE);
GRANT EXECUTE ON FUNCTION told_next(told_presses, double precision, text, double precision) TO pumpwatch_reader;
GRANT EXECUTE ON FUNCTION told_last(told_presses) TO pumpwatch_reader;
GRANT EXECUTE ON FUNCTION told_again(double precision, text, double precision) TO pumpwatch_reader;

-- The same columns as before, and since when the patient has the pump.
CREATE OR REPLACE VIEW seen_periods AS
SELECT m.pump_id, m.clinic_id, greatest(m.began_at, newest.began_at) AS began_at, m.ended_at,
       coalesce(newest.began_at, '-infinity') AS implanted_at
FROM memberships m
CROSS JOIN LATERAL (
    SELECT max(i.began_at) AS began_at FROM implantations i
    WHERE i.pump_id = m.pump_id AND i.implanted AND i.began_at < m.ended_at) newest;

-- lockout_seconds: as programmed last in the period, and a minute where none is; null where one device tells everything.
-- look_back: from so far back requests are looked through to know which telling was the first. Two lockouts, so that a pair that
-- this cuts in two is past by then, and two days, because nothing is dated so far ahead (INGEST_CLOCK_AHEAD_HOURS).
CREATE VIEW told_periods AS
SELECT p.pump_id, p.clinic_id, p.began_at, p.ended_at, p.implanted_at, told.lockout_seconds,
       interval '48 hours' + 2 * told.lockout_seconds * interval '1 second' AS look_back
FROM seen_periods p
CROSS JOIN LATERAL (
    SELECT CASE WHEN handhelds > 1 OR handhelds = 1 AND EXISTS (
                    SELECT FROM bolus_requests b WHERE b.pump_id = p.pump_id AND b.device_id IS NOT DISTINCT FROM b.pump_id)
                THEN 60 * coalesce(nullif((
                    SELECT bolus_lockout_minutes FROM therapies given
                    WHERE pump_id = p.pump_id AND judged_at(observed_at, received_at) >= p.implanted_at
                      AND judged_at(observed_at, received_at) < p.ended_at
                      AND NOT EXISTS (SELECT FROM therapies c WHERE c.pump_id = given.pump_id AND c.replaces = given.event_id
                                      AND c.event_id <> given.event_id)
                    ORDER BY judged_at(observed_at, received_at) DESC, received_at DESC, seq DESC NULLS LAST, event_id DESC
                    LIMIT 1), 0), 1)::double precision END AS lockout_seconds
    FROM (SELECT count(DISTINCT handheld_id) AS handhelds FROM pairings WHERE pump_id = p.pump_id) known
    OFFSET 0) told;  -- once for each period, and not for each row that is joined to it

-- Each request once; the same columns as before.
CREATE OR REPLACE VIEW dashboard.boluses WITH (security_barrier) AS
SELECT b.observed_at AS time, b.pump_id, p.clinic_id, b.outcome, b.dose_mcg, b.received_at
FROM bolus_requests b JOIN told_periods p ON p.pump_id = b.pump_id
 AND judged_at(b.observed_at, b.received_at) >= p.began_at AND judged_at(b.observed_at, b.received_at) < p.ended_at
WHERE p.clinic_id IN (SELECT clinic_id FROM readable_clinics)
  AND (p.lockout_seconds IS NULL OR b.outcome = 'comm_failure' OR NOT (
      SELECT told_again(at, device_id, CASE b.outcome WHEN 'delivered' THEN p.lockout_seconds ELSE 60 END
                        ORDER BY at, device_id COLLATE "C", event_id)
      FROM (SELECT date_part('epoch', judged_at(observed_at, received_at)) AS at, device_id, event_id
            FROM bolus_requests
            WHERE pump_id = b.pump_id AND outcome = b.outcome
              AND observed_at >= b.observed_at - p.look_back AND observed_at < b.observed_at + interval '48 hours'
              AND judged_at(observed_at, received_at) >= p.implanted_at
              AND (judged_at(observed_at, received_at), device_id COLLATE "C", event_id)
                  <= (judged_at(b.observed_at, b.received_at), b.device_id COLLATE "C", b.event_id)) until));

-- Whole days come from the roll-up; the days on which a period begins or ends are counted, by the device's clock, as those are.
-- Where several devices may have told of a request, all days are counted: the roll-up may not know yet of what came late, so
-- nothing can be taken from it. The check stands also around the union: into the two parts of a bare one a reader's own
-- function would be let before it. The same columns as before.
CREATE OR REPLACE VIEW dashboard.boluses_daily WITH (security_barrier) AS
SELECT day.time, day.pump_id, day.clinic_id,
       CASE WHEN day.lockout_seconds IS NULL THEN day.attempts ELSE once.attempts END AS attempts,
       CASE WHEN day.lockout_seconds IS NULL THEN day.delivered ELSE once.delivered END AS delivered,
       CASE WHEN day.lockout_seconds IS NULL THEN day.denied_lockout ELSE once.denied_lockout END AS denied_lockout,
       CASE WHEN day.lockout_seconds IS NULL THEN day.denied_limit ELSE once.denied_limit END AS denied_limit,
       CASE WHEN day.lockout_seconds IS NULL THEN day.denied_other ELSE once.denied_other END AS denied_other,
       CASE WHEN day.lockout_seconds IS NULL THEN day.comm_failure ELSE once.comm_failure END AS comm_failure,
       CASE WHEN day.lockout_seconds IS NULL THEN day.delivered_mcg ELSE once.delivered_mcg END AS delivered_mcg
FROM (
SELECT b.bucket AS time, b.pump_id, p.clinic_id, b.attempts, b.delivered, b.denied_lockout, b.denied_limit,
       b.denied_other, b.comm_failure, b.delivered_mcg,
       b.bucket AS first, b.bucket + interval '24 hours' AS until, p.implanted_at, p.lockout_seconds, p.look_back
FROM bolus_daily b JOIN told_periods p ON p.pump_id = b.pump_id
 AND b.bucket >= p.began_at AND b.bucket + interval '24 hours' <= p.ended_at
WHERE p.clinic_id IN (SELECT clinic_id FROM readable_clinics)
UNION ALL
SELECT date_bin('1 day', b.observed_at, '2000-01-03 00:00:00+00') AS time, b.pump_id, p.clinic_id, count(*) AS attempts,
       count(*) FILTER (WHERE outcome = 'delivered') AS delivered,
       count(*) FILTER (WHERE outcome = 'denied_lockout') AS denied_lockout,
       count(*) FILTER (WHERE outcome = 'denied_limit') AS denied_limit,
       count(*) FILTER (WHERE outcome = 'denied_other') AS denied_other,
       count(*) FILTER (WHERE outcome = 'comm_failure') AS comm_failure,
       sum(dose_mcg) FILTER (WHERE outcome = 'delivered') AS delivered_mcg,
       greatest(p.began_at, p.day), least(p.ended_at, p.day + interval '24 hours'), p.implanted_at, p.lockout_seconds, p.look_back
FROM (
    SELECT pump_id, clinic_id, began_at, ended_at, implanted_at, lockout_seconds, look_back, date_trunc('day', edge, 'UTC') AS day
    FROM told_periods, unnest(ARRAY[began_at, ended_at]) AS edge
    WHERE isfinite(edge)
    GROUP BY 1, 2, 3, 4, 5, 6, 7, 8) p
JOIN bolus_requests b ON b.pump_id = p.pump_id AND b.observed_at >= p.began_at AND b.observed_at < p.ended_at
 AND b.observed_at >= p.day AND b.observed_at < p.day + interval '24 hours'
 AND NOT (p.day >= p.began_at AND p.day + interval '24 hours' <= p.ended_at)
WHERE p.clinic_id IN (SELECT clinic_id FROM readable_clinics)
GROUP BY 1, 2, 3, p.began_at, p.ended_at, p.day, p.implanted_at, p.lockout_seconds, p.look_back) day
CROSS JOIN LATERAL (
    SELECT count(*) AS attempts,
           count(*) FILTER (WHERE outcome = 'delivered') AS delivered,
           count(*) FILTER (WHERE outcome = 'denied_lockout') AS denied_lockout,
           count(*) FILTER (WHERE outcome = 'denied_limit') AS denied_limit,
           count(*) FILTER (WHERE outcome = 'denied_other') AS denied_other,
           count(*) FILTER (WHERE outcome = 'comm_failure') AS comm_failure,
           sum(dose_mcg) FILTER (WHERE outcome = 'delivered') AS delivered_mcg
    FROM (SELECT observed_at, outcome, dose_mcg,
                 told_again(at, device_id, CASE outcome WHEN 'delivered' THEN day.lockout_seconds ELSE 60 END) OVER (
                     PARTITION BY outcome ORDER BY at, device_id COLLATE "C", event_id ROWS UNBOUNDED PRECEDING) AS again
          FROM (SELECT date_part('epoch', judged_at(observed_at, received_at)) AS at, device_id, event_id, observed_at, outcome,
                       dose_mcg
                FROM bolus_requests
                WHERE day.lockout_seconds IS NOT NULL AND pump_id = day.pump_id
                  AND observed_at >= day.first - day.look_back AND observed_at < day.until + interval '48 hours'
                  AND judged_at(observed_at, received_at) >= day.implanted_at
                  AND judged_at(observed_at, received_at) < day.until) told) every
    WHERE observed_at >= day.first AND observed_at < day.until AND (outcome = 'comm_failure' OR NOT again)) once
WHERE day.clinic_id IN (SELECT clinic_id FROM readable_clinics);

-- What holds of a pump now, as the facts say it: since it was implanted, also where another clinic looked after it then.
--
-- The same columns as before, and the two numbers that volume_ml is the lower of. volume_ml is the one that alerts go by
-- (services.alerts.rules.reservoir.level): what was filled in, what the pump computed, or what was measured less what was programmed to
-- flow since and the boluses delivered, each once. volume_basis says which.
CREATE OR REPLACE VIEW dashboard.pumps WITH (security_barrier) AS
SELECT d.device_id AS pump_id,
       d.clinic_id,
       s.received_at AS last_heard_at,
       CASE level.basis WHEN 'refill' THEN f.judged_at WHEN 'measured' THEN coalesce(m.judged_at, r.judged_at)
           ELSE r.judged_at END AS volume_observed_at,
       CASE level.basis WHEN 'refill' THEN least(f.filled_ml, t.reservoir_size_ml) WHEN 'computed' THEN computed.volume_ml
           ELSE coalesce(held.volume_ml, r.volume_ml) END AS volume_ml,
       level.basis AS volume_basis,
       t.reservoir_size_ml,
       coalesce(t.low_reservoir_ml, 2.0) AS low_reservoir_ml,
       t.refill_due,
       a.open_alerts,
       a.unacknowledged_alerts,
       a.worst_rank,
       computed.volume_ml AS computed_ml,
       held.volume_ml AS measured_ml
FROM (SELECT device_id, clinic_id FROM devices JOIN readable_clinics USING (clinic_id)
      WHERE kind = 'pump' AND retired_at IS NULL) d
LEFT JOIN device_last_seen s ON s.device_id = d.device_id
LEFT JOIN LATERAL (SELECT max(began_at) AS began_at FROM implantations WHERE pump_id = d.device_id AND began_at <= now()) i ON true
LEFT JOIN LATERAL (
    SELECT observed_at, received_at, volume_ml, basis FROM reservoir_readings
    WHERE pump_id = d.device_id
    ORDER BY observed_at DESC, received_at DESC, seq DESC NULLS LAST, event_id DESC LIMIT 1) dated ON true
LEFT JOIN LATERAL (
    SELECT dated.observed_at AS judged_at, dated.volume_ml, dated.basis WHERE dated.observed_at <= dated.received_at
    UNION ALL
    (SELECT judged_at(observed_at, received_at), volume_ml, basis FROM reservoir_readings
     WHERE dated.observed_at > dated.received_at AND pump_id = d.device_id AND observed_at >= dated.received_at
     ORDER BY judged_at(observed_at, received_at) DESC, received_at DESC, seq DESC NULLS LAST, event_id DESC LIMIT 1)
    ) r ON r.judged_at >= i.began_at
LEFT JOIN LATERAL (
    SELECT reservoir_size_ml, low_reservoir_ml, refill_due,
           bolus_dose_mcg / nullif((drugs -> 0 ->> 'concentration_mcg_per_ml')::double precision, 0) AS bolus_ml
    FROM therapies given
    WHERE pump_id = d.device_id AND judged_at(observed_at, received_at) >= i.began_at
      AND NOT EXISTS (SELECT FROM therapies c WHERE c.pump_id = given.pump_id AND c.replaces = given.event_id
                      AND c.event_id <> given.event_id)
    ORDER BY judged_at(observed_at, received_at) DESC, received_at DESC, seq DESC NULLS LAST, event_id DESC LIMIT 1) t ON true
LEFT JOIN LATERAL (
    SELECT judged_at(observed_at, received_at) AS judged_at, filled_ml FROM refills given
    WHERE pump_id = d.device_id AND judged_at(observed_at, received_at) >= i.began_at
      AND NOT EXISTS (SELECT FROM refills c WHERE c.pump_id = given.pump_id AND c.replaces = given.event_id
                      AND c.event_id <> given.event_id)
    ORDER BY judged_at(observed_at, received_at) DESC, received_at DESC, seq DESC NULLS LAST, event_id DESC LIMIT 1) f ON true
LEFT JOIN LATERAL (
    SELECT judged_at(observed_at, received_at) AS judged_at, volume_ml FROM reservoir_readings
    WHERE pump_id = d.device_id AND basis = 'measured' AND observed_at >= now() - interval '400 days'
      AND observed_at >= greatest(f.judged_at + interval '15 minutes', i.began_at)
      AND received_at >= greatest(f.judged_at + interval '15 minutes', i.began_at)
    ORDER BY judged_at(observed_at, received_at) DESC, received_at DESC, seq DESC NULLS LAST, event_id DESC LIMIT 1) m ON true
-- What was programmed to flow since the measured one; before the first therapy that is known, by the fastest.
LEFT JOIN LATERAL (
    SELECT coalesce(sum(daily_ml * extract(epoch FROM ended - greatest(began, m.judged_at)) / 86400)
                        FILTER (WHERE ended > m.judged_at), 0)
           + coalesce(max(daily_ml) * greatest(0, extract(epoch FROM min(began) - m.judged_at) / 86400), 0) AS profile_ml
    FROM (SELECT programmed_ml_per_day(profile) AS daily_ml, judged_at(observed_at, received_at) AS began,
                 lead(judged_at(observed_at, received_at), 1, now())
                     OVER (ORDER BY judged_at(observed_at, received_at), received_at, seq NULLS FIRST, event_id) AS ended
          FROM therapies given
          WHERE pump_id = d.device_id AND m.judged_at IS NOT NULL AND judged_at(observed_at, received_at) >= i.began_at
            AND NOT EXISTS (SELECT FROM therapies c WHERE c.pump_id = given.pump_id AND c.replaces = given.event_id
                            AND c.event_id <> given.event_id)) course) flowed ON true
LEFT JOIN LATERAL (
    SELECT count(*) AS delivered FROM bolus_requests
    WHERE pump_id = d.device_id AND outcome = 'delivered' AND observed_at > m.judged_at AND received_at > m.judged_at
    ) boluses ON true
LEFT JOIN told_periods p ON p.pump_id = d.device_id AND p.ended_at = 'infinity'
CROSS JOIN LATERAL (
    SELECT count(*) AS delivered
    FROM (SELECT at, told_again(at, device_id, p.lockout_seconds) OVER (
                     ORDER BY at, device_id COLLATE "C", event_id ROWS UNBOUNDED PRECEDING) AS again
          FROM (SELECT date_part('epoch', judged_at(observed_at, received_at)) AS at, device_id, event_id FROM bolus_requests
                WHERE p.lockout_seconds IS NOT NULL AND pump_id = d.device_id AND outcome = 'delivered'
                  AND observed_at >= now() - interval '420 days' AND observed_at >= m.judged_at - p.look_back
                  AND judged_at(observed_at, received_at) >= i.began_at) told) every
    WHERE again AND at > date_part('epoch', m.judged_at)) again
CROSS JOIN LATERAL (
    SELECT greatest(0, least(m.volume_ml, t.reservoir_size_ml) - flowed.profile_ml
                       - (boluses.delivered - again.delivered) * coalesce(t.bolus_ml, 0)) AS volume_ml WHERE m.judged_at IS NOT NULL
    UNION ALL SELECT NULL WHERE m.judged_at IS NULL) held
CROSS JOIN LATERAL (
    SELECT CASE r.basis WHEN 'computed' THEN least(r.volume_ml + 0.0, t.reservoir_size_ml) END AS volume_ml) computed
CROSS JOIN LATERAL (
    SELECT CASE WHEN f.judged_at IS NOT NULL
                 AND (r.judged_at IS NULL OR r.judged_at <= f.judged_at
                      OR r.basis = 'measured' AND r.judged_at < f.judged_at + interval '15 minutes') THEN 'refill'
                WHEN held.volume_ml <= coalesce(computed.volume_ml, 'infinity') THEN 'measured'
                ELSE r.basis END AS basis) level
LEFT JOIN LATERAL (
    SELECT count(*) AS open_alerts,
           count(*) FILTER (WHERE state = 'active') AS unacknowledged_alerts,
           3 - min(priority_rank(priority)) AS worst_rank
    FROM alerts WHERE pump_id = d.device_id AND clinic_id = d.clinic_id AND state <> 'closed') a ON true;

-- The same columns as before, and each request once. Counted and not read from the roll-up: where that is a view, a bound on its days
-- leaves out no chunk.
CREATE OR REPLACE VIEW dashboard.demand WITH (security_barrier) AS
SELECT d.device_id AS pump_id, d.clinic_id,
       CASE WHEN p.lockout_seconds IS NULL THEN told.attempts ELSE once.attempts END AS attempts_24h,
       CASE WHEN p.lockout_seconds IS NULL THEN told.refused ELSE once.refused END AS refused_24h,
       CASE WHEN p.lockout_seconds IS NULL THEN told.usual ELSE once.usual END / told.days AS usual_per_day
FROM devices d
LEFT JOIN LATERAL (SELECT max(began_at) AS began_at FROM implantations WHERE pump_id = d.device_id AND began_at <= now()) i ON true
CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE today) AS attempts, count(*) FILTER (WHERE today AND outcome LIKE 'denied%') AS refused,
           count(*) FILTER (WHERE usual)::double precision AS usual,
           ceil(extract(epoch FROM now() - interval '24 hours' - min(bucket) FILTER (WHERE usual)) / 86400)::double precision AS days
    FROM (SELECT outcome, bucket,
                 observed_at > now() - interval '24 hours' AND received_at > now() - interval '24 hours'
                     AND judged_at(observed_at, received_at) >= i.began_at AS today,
                 bucket >= now() - interval '29 days' AND bucket < now() - interval '24 hours' AND bucket >= i.began_at AS usual
          FROM (SELECT outcome, observed_at, received_at, date_bin('1 day', observed_at, '2000-01-03 00:00:00+00') AS bucket
                FROM bolus_requests
                WHERE pump_id = d.device_id AND observed_at >= now() - interval '29 days') every) every) told
LEFT JOIN told_periods p ON p.pump_id = d.device_id AND p.ended_at = 'infinity'
CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE today) AS attempts, count(*) FILTER (WHERE today AND outcome LIKE 'denied%') AS refused,
           count(*) FILTER (WHERE bucket >= now() - interval '29 days' AND bucket < now() - interval '24 hours'
                            AND NOT bucket < i.began_at) AS usual
    FROM (SELECT outcome, date_bin('1 day', observed_at, '2000-01-03 00:00:00+00') AS bucket,
                 observed_at > now() - interval '24 hours' AND received_at > now() - interval '24 hours' AS today,
                 told_again(at, device_id, CASE outcome WHEN 'delivered' THEN p.lockout_seconds ELSE 60 END) OVER (
                     PARTITION BY outcome ORDER BY at, device_id COLLATE "C", event_id ROWS UNBOUNDED PRECEDING) AS again
          FROM (SELECT date_part('epoch', judged_at(observed_at, received_at)) AS at, device_id, event_id, observed_at, received_at,
                       outcome
                FROM bolus_requests
                WHERE p.lockout_seconds IS NOT NULL AND pump_id = d.device_id
                  AND observed_at > now() - interval '46 days'  -- which rules chunks out once; look_back is 16 days at most
                  AND observed_at > now() - interval '29 days' - p.look_back
                  AND judged_at(observed_at, received_at) >= i.began_at) told) every
    WHERE outcome = 'comm_failure' OR NOT again) once
WHERE d.kind = 'pump' AND d.retired_at IS NULL AND d.clinic_id IN (SELECT clinic_id FROM readable_clinics);
