-- In whom a pump is, and who looks after it, each with its beginning (docs/decisions/0019-identity-has-periods.md). All editions.

-- From began_at until the next row of the pump. So there is no moment of a pump of which nothing is said.
CREATE TABLE implantations (
    implantation_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    pump_id         text NOT NULL REFERENCES devices,
    began_at        timestamptz NOT NULL,
    implanted       boolean NOT NULL DEFAULT true,
    patient_ref     text CHECK (patient_ref ~ '^[A-Za-z0-9][A-Za-z0-9._:/-]{0,63}$'),
    UNIQUE (pump_id, began_at),
    CHECK (implanted OR patient_ref IS NULL)
);
COMMENT ON COLUMN implantations.began_at IS 'Inclusive; -infinity: as far back as anybody knows.';
COMMENT ON COLUMN implantations.implanted IS 'False: explanted, the pump is in nobody.';
COMMENT ON COLUMN implantations.patient_ref IS 'The clinic''s own opaque reference, and no name; null: not known to Pumpwatch.';

CREATE TABLE memberships (
    pump_id   text NOT NULL REFERENCES devices,
    began_at  timestamptz NOT NULL,
    ended_at  timestamptz NOT NULL DEFAULT 'infinity' CHECK (ended_at >= began_at),
    clinic_id text NOT NULL REFERENCES clinics,
    PRIMARY KEY (pump_id, began_at)
);
CREATE INDEX memberships_clinic ON memberships (clinic_id);
COMMENT ON TABLE memberships IS 'Which clinic looks after a pump, and sees its record, from when (inclusive) to when (exclusive).';

INSERT INTO implantations (pump_id, began_at) SELECT device_id, '-infinity' FROM devices WHERE kind = 'pump' ORDER BY device_id;
INSERT INTO memberships (pump_id, began_at, clinic_id)
SELECT device_id, '-infinity', clinic_id FROM devices WHERE kind = 'pump' ORDER BY device_id;

-- However a pump is enrolled or moved, these follow. In the name of the owner: who may enrol need not be granted the rest.
CREATE FUNCTION begin_periods() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO implantations (pump_id, began_at) SELECT device_id, '-infinity' FROM added WHERE kind = 'pump' ORDER BY device_id;
    INSERT INTO memberships (pump_id, began_at, clinic_id)
    SELECT device_id, '-infinity', clinic_id FROM added WHERE kind = 'pump' ORDER BY device_id;
    RETURN NULL;
END
$$;
CREATE TRIGGER begin_periods AFTER INSERT ON devices REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION begin_periods();

CREATE FUNCTION follow_clinic() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    moved record;
    moment timestamptz;
BEGIN
    FOR moved IN SELECT c.device_id, c.clinic_id FROM changed c JOIN memberships m ON m.pump_id = c.device_id
                 WHERE m.ended_at = 'infinity' AND m.clinic_id <> c.clinic_id ORDER BY c.device_id LOOP
        moment := clock_timestamp();
        UPDATE memberships SET ended_at = moment WHERE pump_id = moved.device_id AND ended_at = 'infinity';
        INSERT INTO memberships (pump_id, began_at, clinic_id) VALUES (moved.device_id, moment, moved.clinic_id);
    END LOOP;
    RETURN NULL;
END
$$;
CREATE TRIGGER follow_clinic AFTER UPDATE ON devices REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION follow_clinic();

-- An alert belongs to one implantation; null: to the first, which reaches back as far as anybody knows.
-- No foreign key: an implantation that was entered by mistake is taken back, and its alerts stay.
ALTER TABLE alerts ADD COLUMN implantation_id bigint;

-- What each clinic sees of a pump: what was observed while it looked after the pump, and of that the newest implantation, so
-- that two patients' records are never one chart.
CREATE VIEW seen_periods AS
SELECT m.pump_id, m.clinic_id, greatest(m.began_at, newest.began_at) AS began_at, m.ended_at
FROM memberships m
CROSS JOIN LATERAL (
    SELECT max(i.began_at) AS began_at FROM implantations i
    WHERE i.pump_id = m.pump_id AND i.implanted AND i.began_at < m.ended_at) newest;

-- The same columns as before.
CREATE OR REPLACE VIEW dashboard.reservoir WITH (security_barrier) AS
SELECT r.observed_at AS time, r.pump_id, p.clinic_id, r.volume_ml, r.basis, r.received_at
FROM reservoir_readings r JOIN seen_periods p ON p.pump_id = r.pump_id
 AND judged_at(r.observed_at, r.received_at) >= p.began_at AND judged_at(r.observed_at, r.received_at) < p.ended_at
WHERE p.clinic_id IN (SELECT clinic_id FROM readable_clinics);

CREATE OR REPLACE VIEW dashboard.boluses WITH (security_barrier) AS
SELECT b.observed_at AS time, b.pump_id, p.clinic_id, b.outcome, b.dose_mcg, b.received_at
FROM bolus_requests b JOIN seen_periods p ON p.pump_id = b.pump_id
 AND judged_at(b.observed_at, b.received_at) >= p.began_at AND judged_at(b.observed_at, b.received_at) < p.ended_at
WHERE p.clinic_id IN (SELECT clinic_id FROM readable_clinics);

-- Whole days come from the roll-up; the days on which a period begins or ends are counted, by the device's clock, as those are.
-- The check stands also around the union: into the two parts of a bare one a reader's own function would be let before it.
CREATE OR REPLACE VIEW dashboard.boluses_daily WITH (security_barrier) AS
SELECT time, pump_id, clinic_id, attempts, delivered, denied_lockout, denied_limit, denied_other, comm_failure, delivered_mcg
FROM (
SELECT b.bucket AS time, b.pump_id, p.clinic_id, b.attempts, b.delivered, b.denied_lockout, b.denied_limit,
       b.denied_other, b.comm_failure, b.delivered_mcg
FROM bolus_daily b JOIN seen_periods p ON p.pump_id = b.pump_id
 AND b.bucket >= p.began_at AND b.bucket + interval '1 day' <= p.ended_at
WHERE p.clinic_id IN (SELECT clinic_id FROM readable_clinics)
UNION ALL
SELECT date_bin('1 day', b.observed_at, '2000-01-03 00:00:00+00') AS time, b.pump_id, p.clinic_id, count(*) AS attempts,
       count(*) FILTER (WHERE outcome = 'delivered') AS delivered,
       count(*) FILTER (WHERE outcome = 'denied_lockout') AS denied_lockout,
       count(*) FILTER (WHERE outcome = 'denied_limit') AS denied_limit,
       count(*) FILTER (WHERE outcome = 'denied_other') AS denied_other,
       count(*) FILTER (WHERE outcome = 'comm_failure') AS comm_failure,
       sum(dose_mcg) FILTER (WHERE outcome = 'delivered') AS delivered_mcg
FROM (
    SELECT pump_id, clinic_id, began_at, ended_at, date_trunc('day', edge, 'UTC') AS day
    FROM seen_periods, unnest(ARRAY[began_at, ended_at]) AS edge
    WHERE isfinite(edge)
    GROUP BY 1, 2, 3, 4, 5) p
JOIN bolus_requests b ON b.pump_id = p.pump_id AND b.observed_at >= p.began_at AND b.observed_at < p.ended_at
 AND b.observed_at >= p.day AND b.observed_at < p.day + interval '1 day'
 AND NOT (p.day >= p.began_at AND p.day + interval '1 day' <= p.ended_at)
WHERE p.clinic_id IN (SELECT clinic_id FROM readable_clinics)
GROUP BY 1, 2, 3) each
WHERE clinic_id IN (SELECT clinic_id FROM readable_clinics);

CREATE OR REPLACE VIEW dashboard.refills WITH (security_barrier) AS
SELECT r.observed_at AS time, r.pump_id, p.clinic_id, r.expected_ml, r.measured_ml, r.filled_ml, r.received_at,
       EXISTS (SELECT FROM refills c WHERE c.pump_id = r.pump_id AND c.replaces = r.event_id AND c.event_id <> r.event_id)
           AS replaced
FROM refills r JOIN seen_periods p ON p.pump_id = r.pump_id
 AND judged_at(r.observed_at, r.received_at) >= p.began_at AND judged_at(r.observed_at, r.received_at) < p.ended_at
WHERE p.clinic_id IN (SELECT clinic_id FROM readable_clinics);

CREATE OR REPLACE VIEW dashboard.therapies WITH (security_barrier) AS
SELECT t.observed_at AS time, t.pump_id, p.clinic_id, t.drugs, t.profile, t.bolus_dose_mcg, t.bolus_lockout_minutes,
       t.bolus_limit_per_24h, t.reservoir_size_ml, coalesce(t.low_reservoir_ml, 2.0) AS low_reservoir_ml, t.refill_due,
       judged_at(t.observed_at, t.received_at) AS judged_at,
       EXISTS (SELECT FROM therapies c WHERE c.pump_id = t.pump_id AND c.replaces = t.event_id AND c.event_id <> t.event_id)
           AS replaced
FROM therapies t JOIN seen_periods p ON p.pump_id = t.pump_id
 AND judged_at(t.observed_at, t.received_at) >= p.began_at AND judged_at(t.observed_at, t.received_at) < p.ended_at
WHERE p.clinic_id IN (SELECT clinic_id FROM readable_clinics);

CREATE OR REPLACE VIEW dashboard.statuses WITH (security_barrier) AS
SELECT s.observed_at AS time, s.pump_id, p.clinic_id, s.device_id, s.battery_percent, s.firmware, s.end_of_service
FROM device_statuses s JOIN seen_periods p ON p.pump_id = s.pump_id
 AND judged_at(s.observed_at, s.received_at) >= p.began_at AND judged_at(s.observed_at, s.received_at) < p.ended_at
WHERE p.clinic_id IN (SELECT clinic_id FROM readable_clinics);

CREATE OR REPLACE VIEW dashboard.reports WITH (security_barrier) AS
SELECT r.observed_at AS time, r.pump_id, p.clinic_id, r.device_id, r.complaint, r.score,
       judged_at(r.observed_at, r.received_at) AS judged_at
FROM patient_reports r JOIN seen_periods p ON p.pump_id = r.pump_id
 AND judged_at(r.observed_at, r.received_at) >= p.began_at AND judged_at(r.observed_at, r.received_at) < p.ended_at
WHERE p.clinic_id IN (SELECT clinic_id FROM readable_clinics);

CREATE OR REPLACE VIEW dashboard.alarms WITH (security_barrier) AS
SELECT a.observed_at AS time, a.pump_id, p.clinic_id, a.code, a.state, a.detail, a.received_at,
       judged_at(a.observed_at, a.received_at) AS judged_at
FROM pump_alarms a JOIN seen_periods p ON p.pump_id = a.pump_id
 AND judged_at(a.observed_at, a.received_at) >= p.began_at AND judged_at(a.observed_at, a.received_at) < p.ended_at
WHERE p.clinic_id IN (SELECT clinic_id FROM readable_clinics);

-- What holds of a pump now, as the facts say it: since it was implanted, also where another clinic looked after it then.
--
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
    FROM alerts WHERE pump_id = d.device_id AND clinic_id = d.clinic_id AND state <> 'closed') a ON true;

CREATE OR REPLACE VIEW dashboard.demand WITH (security_barrier) AS
SELECT d.device_id AS pump_id, d.clinic_id, coalesce(t.attempts, 0) AS attempts_24h, coalesce(t.refused, 0) AS refused_24h,
       u.attempts / u.days AS usual_per_day
FROM devices d
LEFT JOIN LATERAL (SELECT max(began_at) AS began_at FROM implantations WHERE pump_id = d.device_id AND began_at <= now()) i ON true
LEFT JOIN LATERAL (
    SELECT count(*) AS attempts, count(*) FILTER (WHERE outcome LIKE 'denied%') AS refused
    FROM bolus_requests
    WHERE pump_id = d.device_id AND observed_at > now() - interval '24 hours'
      AND received_at > now() - interval '24 hours' AND judged_at(observed_at, received_at) >= i.began_at) t ON true
LEFT JOIN LATERAL (
    SELECT sum(attempts)::double precision AS attempts,
           ceil(extract(epoch FROM now() - interval '24 hours' - min(bucket)) / 86400)::double precision AS days
    FROM bolus_daily
    WHERE pump_id = d.device_id AND bucket >= now() - interval '29 days' AND bucket < now() - interval '24 hours'
      AND NOT bucket < i.began_at) u ON true
WHERE d.kind = 'pump' AND d.retired_at IS NULL AND d.clinic_id IN (SELECT clinic_id FROM readable_clinics);
