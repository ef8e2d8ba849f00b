-- A measured level holds against computed ones until the next refill, so it is looked up by itself (docs/domain.md section 1,
-- what follows). All editions. Measured readings are few among computed ones: the index is small, and writing a computed one
-- does not touch it. It is built under a lock that lets ingest wait; that takes a scan of the chunks that are not columns yet.

CREATE INDEX reservoir_readings_measured ON reservoir_readings (pump_id, observed_at DESC) WHERE basis = 'measured';

-- What a profile gives in a day, in mL, as services.alerts.facts.from_rows has it: each step holds until the next.
CREATE FUNCTION programmed_ml_per_day(profile jsonb) RETURNS double precision LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (
    SELECT coalesce(sum(rate * (coalesce(next, first + 1440) - start) / 1440), 0)
    FROM (SELECT rate, start, lead(start) OVER (ORDER BY start) AS next, min(start) OVER () AS first
          FROM (SELECT (step ->> 'rate_ml_per_day')::double precision AS rate,
                       60 * split_part(step ->> 'from', ':', 1)::integer + split_part(step ->> 'from', ':', 2)::integer AS start
                FROM jsonb_array_elements(profile) AS step) steps) parts);
COMMENT ON FUNCTION programmed_ml_per_day(jsonb) IS 'mL that a programmed profile gives in a day.';
GRANT EXECUTE ON FUNCTION programmed_ml_per_day(jsonb) TO pumpwatch_reader;

-- The same columns as before, and the two numbers that volume_ml is the lower of. volume_ml is the one that alerts go by
-- (services.alerts.rules.reservoir.level): what was filled in, what the pump computed, or what was measured less what was programmed to
-- flow since and the boluses delivered. volume_basis says which.
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
    ) r ON true
LEFT JOIN LATERAL (
    SELECT reservoir_size_ml, low_reservoir_ml, refill_due,
           bolus_dose_mcg / nullif((drugs -> 0 ->> 'concentration_mcg_per_ml')::double precision, 0) AS bolus_ml
    FROM therapies given
    WHERE pump_id = d.device_id
      AND NOT EXISTS (SELECT FROM therapies c WHERE c.pump_id = given.pump_id AND c.replaces = given.event_id
                      AND c.event_id <> given.event_id)
    ORDER BY judged_at(observed_at, received_at) DESC, received_at DESC, seq DESC NULLS LAST, event_id DESC LIMIT 1) t ON true
LEFT JOIN LATERAL (
    SELECT judged_at(observed_at, received_at) AS judged_at, filled_ml FROM refills given
    WHERE pump_id = d.device_id
      AND NOT EXISTS (SELECT FROM refills c WHERE c.pump_id = given.pump_id AND c.replaces = given.event_id
                      AND c.event_id <> given.event_id)
    ORDER BY judged_at(observed_at, received_at) DESC, received_at DESC, seq DESC NULLS LAST, event_id DESC LIMIT 1) f ON true
LEFT JOIN LATERAL (
    SELECT judged_at(observed_at, received_at) AS judged_at, volume_ml FROM reservoir_readings
    WHERE pump_id = d.device_id AND basis = 'measured' AND observed_at >= now() - interval '400 days'
      AND observed_at >= coalesce(f.judged_at + interval '15 minutes', '-infinity')
      AND received_at >= coalesce(f.judged_at + interval '15 minutes', '-infinity')
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
          WHERE pump_id = d.device_id AND m.judged_at IS NOT NULL
            AND NOT EXISTS (SELECT FROM therapies c WHERE c.pump_id = given.pump_id AND c.replaces = given.event_id
                            AND c.event_id <> given.event_id)) course) flowed ON true
LEFT JOIN LATERAL (
    SELECT count(*) AS delivered FROM bolus_requests
    WHERE pump_id = d.device_id AND outcome = 'delivered' AND observed_at > m.judged_at AND received_at > m.judged_at
    ) boluses ON true
CROSS JOIN LATERAL (
    SELECT greatest(0, least(m.volume_ml, t.reservoir_size_ml) - flowed.profile_ml - boluses.delivered * coalesce(t.bolus_ml, 0))
        AS volume_ml WHERE m.judged_at IS NOT NULL
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
    FROM alerts WHERE pump_id = d.device_id AND state <> 'closed') a ON true;
