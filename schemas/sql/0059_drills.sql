-- A drill: an alarm of a device that exists for it alone (docs/decisions/0047-a-drill-each-day.md). All editions.
--
-- Its clinic and its pump have one name, which no other device may have (schemas/topics.py). Nobody is its patient, no handheld
-- is paired with it, and it stands in no figure of a dashboard. New rows only: what a site has is left as it is.
ALTER TABLE devices ADD CONSTRAINT drill_is_apart
    CHECK ((device_id = 'pumpwatch-drill') = (clinic_id = 'pumpwatch-drill') AND (device_id <> 'pumpwatch-drill' OR kind = 'pump')) NOT VALID;
ALTER TABLE pairings ADD CONSTRAINT drill_has_no_handheld CHECK (pump_id <> 'pumpwatch-drill') NOT VALID;
ALTER TABLE implantations ADD CONSTRAINT drill_has_no_patient
    CHECK (pump_id <> 'pumpwatch-drill' OR implanted AND patient_ref IS NULL) NOT VALID;

CREATE TABLE drills (
    drill_id    uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    due_at      timestamptz NOT NULL,
    planned_at  timestamptz NOT NULL,
    asked_by    text CHECK (asked_by <> ''),
    begun_at    timestamptz,
    event_id    uuid NOT NULL DEFAULT gen_random_uuid(),
    accepted_at timestamptz,
    stored_at   timestamptz,
    alert_id    uuid,
    opened_at   timestamptz,
    paged_at    timestamptz,
    ended_at    timestamptz,
    missed      text CHECK (missed <> ''),
    cleared_at  timestamptz,
    telling_until timestamptz,
    told_at     timestamptz
);
CREATE UNIQUE INDEX drills_once_a_day ON drills (due_at) WHERE asked_by IS NULL;
CREATE INDEX drills_newest ON drills (due_at DESC);
CREATE UNIQUE INDEX drills_one_at_a_time ON drills ((true)) WHERE begun_at IS NOT NULL AND cleared_at IS NULL;
CREATE INDEX drills_to_tell ON drills (ended_at) WHERE missed IS NOT NULL AND told_at IS NULL;
COMMENT ON TABLE drills IS 'Test alarms, one each day, and how far each came: taken by the broker, stored by ingest, an alert, a page.';
COMMENT ON COLUMN drills.asked_by IS 'Who asked for it; NULL: it was due.';
COMMENT ON COLUMN drills.missed IS 'Why it did not come as far as a page in time; NULL while it runs, or when it did.';
COMMENT ON COLUMN drills.cleared_at IS 'When the device said that its alarm is over, so that the next one is a new one.';
COMMENT ON COLUMN drills.told_at IS 'When the operator was told that it was missed, by the other way.';

-- The clinic and the pump of the drill. The worker calls it; it may write nothing else of the registry.
CREATE FUNCTION enrol_drill() RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO clinics (clinic_id, name) VALUES ('pumpwatch-drill', 'Drill: no patients') ON CONFLICT DO NOTHING;
    INSERT INTO devices (device_id, kind, clinic_id) VALUES ('pumpwatch-drill', 'pump', 'pumpwatch-drill') ON CONFLICT DO NOTHING;
    UPDATE devices SET retired_at = NULL
    WHERE device_id = 'pumpwatch-drill' AND clinic_id = 'pumpwatch-drill' AND kind = 'pump' AND retired_at IS NOT NULL;
    RETURN EXISTS (SELECT FROM devices WHERE device_id = 'pumpwatch-drill' AND clinic_id = 'pumpwatch-drill' AND kind = 'pump');
END
$$;
REVOKE ALL ON FUNCTION enrol_drill() FROM PUBLIC;

-- What dashboards count are clinics with patients.
CREATE OR REPLACE VIEW readable_clinics AS
SELECT c.clinic_id, c.name
FROM clinics c
WHERE c.clinic_id <> 'pumpwatch-drill'
  AND EXISTS (
    SELECT FROM clinic_readers r
    WHERE r.role_name = session_user AND (r.clinic_id IS NULL OR r.clinic_id = c.clinic_id));
