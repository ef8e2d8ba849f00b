-- What a device dates after the moment at which we received it is provably wrong, and never outranks what was received later
-- (docs/decisions/0013-time-is-judged.md). All editions; no row is rewritten, and no index is added.

-- Newest first is: ORDER BY judged_at(observed_at, received_at) DESC, received_at DESC, seq DESC NULLS LAST, event_id DESC.
-- Not STRICT, so that PostgreSQL writes it into the query and does not call it. A bound from below is one on observed_at, which
-- an index and the exclusion of chunks can use, and one on received_at.
CREATE FUNCTION judged_at(observed_at timestamptz, received_at timestamptz) RETURNS timestamptz
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN least(observed_at, received_at);
COMMENT ON FUNCTION judged_at(timestamptz, timestamptz) IS
    'When an event happened at the latest: no later than it was received.';

-- A view asks for the right to call a function in the name of whoever reads the view.
GRANT EXECUTE ON FUNCTION judged_at(timestamptz, timestamptz) TO pumpwatch_reader;

-- An entry that was wrong is corrected by another one that names it. Both are kept; the one that is named no longer counts.
ALTER TABLE refills ADD COLUMN replaces uuid;
ALTER TABLE therapies ADD COLUMN replaces uuid;
COMMENT ON COLUMN refills.replaces IS 'The event_id of a refill of the same pump that this one corrects.';
COMMENT ON COLUMN therapies.replaces IS 'The event_id of a therapy of the same pump that this one corrects.';

-- The same columns as before. The volume: the newest by the device's clock and, where that is dated ahead, the newest of those
-- that it may hide, which are dated later than it came. volume_observed_at is the judged moment.
CREATE OR REPLACE VIEW dashboard.pumps WITH (security_barrier) AS
SELECT d.device_id AS pump_id,
       d.clinic_id,
       s.received_at AS last_heard_at,
       r.judged_at AS volume_observed_at,
       r.volume_ml,
       r.basis AS volume_basis,
       t.reservoir_size_ml,
       coalesce(t.low_reservoir_ml, 2.0) AS low_reservoir_ml,
       t.refill_due,
       a.open_alerts,
       a.unacknowledged_alerts,
       a.worst_rank
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
    SELECT reservoir_size_ml, low_reservoir_ml, refill_due FROM therapies given
    WHERE pump_id = d.device_id
      AND NOT EXISTS (SELECT FROM therapies c WHERE c.pump_id = given.pump_id AND c.replaces = given.event_id
                      AND c.event_id <> given.event_id)
    ORDER BY judged_at(observed_at, received_at) DESC, received_at DESC, seq DESC NULLS LAST, event_id DESC LIMIT 1) t ON true
LEFT JOIN LATERAL (
    SELECT count(*) AS open_alerts,
           count(*) FILTER (WHERE state = 'active') AS unacknowledged_alerts,
           3 - min(priority_rank(priority)) AS worst_rank
    FROM alerts WHERE pump_id = d.device_id AND state <> 'closed') a ON true;

CREATE OR REPLACE VIEW dashboard.demand WITH (security_barrier) AS
SELECT d.device_id AS pump_id, d.clinic_id, coalesce(t.attempts, 0) AS attempts_24h, coalesce(t.refused, 0) AS refused_24h,
       u.attempts / u.days AS usual_per_day
FROM devices d
LEFT JOIN LATERAL (
    SELECT count(*) AS attempts, count(*) FILTER (WHERE outcome LIKE 'denied%') AS refused
    FROM bolus_requests
    WHERE pump_id = d.device_id AND observed_at > now() - interval '24 hours'
      AND received_at > now() - interval '24 hours') t ON true
LEFT JOIN LATERAL (
    SELECT sum(attempts)::double precision AS attempts,
           ceil(extract(epoch FROM now() - interval '24 hours' - min(bucket)) / 86400)::double precision AS days
    FROM bolus_daily
    WHERE pump_id = d.device_id AND bucket >= now() - interval '29 days' AND bucket < now() - interval '24 hours') u ON true
WHERE d.kind = 'pump' AND d.retired_at IS NULL AND d.clinic_id IN (SELECT clinic_id FROM readable_clinics);

-- Lists that begin with the newest order by judged_at; `time` stays what the device says, and is what they are bounded by.
CREATE OR REPLACE VIEW dashboard.therapies WITH (security_barrier) AS
SELECT t.observed_at AS time, t.pump_id, d.clinic_id, t.drugs, t.profile, t.bolus_dose_mcg, t.bolus_lockout_minutes,
       t.bolus_limit_per_24h, t.reservoir_size_ml, coalesce(t.low_reservoir_ml, 2.0) AS low_reservoir_ml, t.refill_due,
       judged_at(t.observed_at, t.received_at) AS judged_at,
       EXISTS (SELECT FROM therapies c WHERE c.pump_id = t.pump_id AND c.replaces = t.event_id AND c.event_id <> t.event_id)
           AS replaced
FROM therapies t JOIN devices d ON d.device_id = t.pump_id
WHERE d.clinic_id IN (SELECT clinic_id FROM readable_clinics);

CREATE OR REPLACE VIEW dashboard.refills WITH (security_barrier) AS
SELECT r.observed_at AS time, r.pump_id, d.clinic_id, r.expected_ml, r.measured_ml, r.filled_ml, r.received_at,
       EXISTS (SELECT FROM refills c WHERE c.pump_id = r.pump_id AND c.replaces = r.event_id AND c.event_id <> r.event_id)
           AS replaced
FROM refills r JOIN devices d ON d.device_id = r.pump_id
WHERE d.clinic_id IN (SELECT clinic_id FROM readable_clinics);

CREATE OR REPLACE VIEW dashboard.reports WITH (security_barrier) AS
SELECT p.observed_at AS time, p.pump_id, d.clinic_id, p.device_id, p.complaint, p.score,
       judged_at(p.observed_at, p.received_at) AS judged_at
FROM patient_reports p JOIN devices d ON d.device_id = p.pump_id
WHERE d.clinic_id IN (SELECT clinic_id FROM readable_clinics);

CREATE OR REPLACE VIEW dashboard.alarms WITH (security_barrier) AS
SELECT a.observed_at AS time, a.pump_id, d.clinic_id, a.code, a.state, a.detail, a.received_at,
       judged_at(a.observed_at, a.received_at) AS judged_at
FROM pump_alarms a JOIN devices d ON d.device_id = a.pump_id
WHERE d.clinic_id IN (SELECT clinic_id FROM readable_clinics);
