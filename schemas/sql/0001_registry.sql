-- Who is who: clinics, the devices that belong to them, and which handheld goes with which pump.
-- Nothing in a payload can change any of this (docs/decisions/0005-identity-by-topic.md).

CREATE TABLE clinics (
    clinic_id  text PRIMARY KEY CHECK (clinic_id ~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$'),
    name       text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE devices (
    device_id   text PRIMARY KEY CHECK (device_id ~ '^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$'),
    kind        text NOT NULL CHECK (kind IN ('pump', 'handheld')),
    clinic_id   text NOT NULL REFERENCES clinics,
    enrolled_at timestamptz NOT NULL DEFAULT now(),
    retired_at  timestamptz
);
CREATE INDEX devices_clinic ON devices (clinic_id, kind);

-- A handheld is paired with one pump at a time; the past stays readable.
CREATE TABLE pairings (
    handheld_id text NOT NULL REFERENCES devices,
    pump_id     text NOT NULL REFERENCES devices,
    paired_at   timestamptz NOT NULL DEFAULT now(),
    ended_at    timestamptz,
    PRIMARY KEY (handheld_id, paired_at)
);
CREATE UNIQUE INDEX pairings_one_open ON pairings (handheld_id) WHERE ended_at IS NULL;
CREATE INDEX pairings_pump ON pairings (pump_id);

-- What ingest asks: for each device, the clinic and the pump its events are about.
CREATE VIEW registry AS
SELECT d.device_id,
       d.kind,
       d.clinic_id,
       CASE d.kind WHEN 'pump' THEN d.device_id ELSE p.pump_id END AS pump_id
FROM devices d
LEFT JOIN pairings p ON p.handheld_id = d.device_id AND p.ended_at IS NULL
WHERE d.retired_at IS NULL;

-- Ingestors cache the registry; any change tells them to forget what they know.
CREATE FUNCTION notify_registry_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('registry_changed', '');
    RETURN NULL;
END
$$;
CREATE TRIGGER devices_changed AFTER INSERT OR UPDATE OR DELETE ON devices
    FOR EACH STATEMENT EXECUTE FUNCTION notify_registry_changed();
CREATE TRIGGER pairings_changed AFTER INSERT OR UPDATE OR DELETE ON pairings
    FOR EACH STATEMENT EXECUTE FUNCTION notify_registry_changed();
