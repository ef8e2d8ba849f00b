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

-- The columns of before, and the judged moment of each event (0023) at their end. Charts go by it; `time` stays what the device
-- says, which is never before it, so a query that bounds `time` from below reads no chunk without need.
CREATE OR REPLACE VIEW dashboard.reservoir WITH (security_barrier) AS
SELECT r.observed_at AS time, r.pump_id, p.clinic_id, r.volume_ml, r.basis, r.received_at,
       judged_at(r.observed_at, r.received_at) AS judged_at
FROM reservoir_readings r JOIN seen_periods p ON p.pump_id = r.pump_id
 AND judged_at(r.observed_at, r.received_at) >= p.began_at AND judged_at(r.observed_at, r.received_at) < p.ended_at
WHERE p.clinic_id IN (SELECT clinic_id FROM readable_clinics);

CREATE OR REPLACE VIEW dashboard.refills WITH (security_barrier) AS
SELECT r.observed_at AS time, r.pump_id, p.clinic_id, r.expected_ml, r.measured_ml, r.filled_ml, r.received_at,
       EXISTS (SELECT FROM refills c WHERE c.pump_id = r.pump_id AND c.replaces = r.event_id AND c.event_id <> r.event_id)
           AS replaced,
       judged_at(r.observed_at, r.received_at) AS judged_at
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
SELECT s.observed_at AS time, s.pump_id, p.clinic_id, s.device_id, s.battery_percent, s.firmware, s.end_of_service,
       judged_at(s.observed_at, s.received_at) AS judged_at
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
