-- Who acted is known by an id, and what persons did and read stands in a chain (docs/decisions/0036-persons-act.md). All editions.

-- Beside the name that people read: two who have the same name are two. Null: from before, when a name was typed.
ALTER TABLE alerts
    ADD COLUMN acknowledged_by_id text,
    ADD COLUMN resolved_by_id text,
    ADD COLUMN accepted_by_id text;
ALTER TABLE silences
    ADD COLUMN created_by_id text,
    ADD COLUMN ended_by_id text;

-- Readers of the dashboards see the name.
CREATE OR REPLACE VIEW dashboard_private.alert_transitions WITH (security_barrier) AS
SELECT t.at AS time, t.alert_id, t.clinic_id, a.pump_id, a.rule, a.title, t.kind, t.from_state, t.to_state, t.priority,
       t.reason, coalesce(t.detail ->> 'name', t.actor) AS actor
FROM alert_transitions t JOIN alerts a USING (alert_id)
WHERE t.clinic_id IN (SELECT clinic_id FROM readable_clinics);

-- Sign-ins, changes of persons and roles, and who read which pump's data. One chain for the installation: a sign-in is of no clinic.
CREATE TABLE access_log (
    access_seq    bigint PRIMARY KEY,
    at            timestamptz NOT NULL,
    kind          text NOT NULL CHECK (kind ~ '^[a-z_]{1,40}$'),
    actor         text NOT NULL CHECK (actor <> ''),
    person_id     uuid,
    clinic_id     text,
    pump_id       text,
    detail        jsonb NOT NULL,
    recorded_at   timestamptz NOT NULL,
    recorded_by   text NOT NULL,
    previous_hash bytea NOT NULL,
    row_hash      bytea NOT NULL
);
CREATE INDEX access_log_reads ON access_log (actor, pump_id, at) WHERE kind = 'read';
COMMENT ON COLUMN access_log.at IS 'By the clock of the process that asked; recorded_at and recorded_by are the database''s own word.';
COMMENT ON COLUMN access_log.actor IS 'As in alert_transitions: person:ID, key:ID, login:NAME; "nobody": no account of that name.';
COMMENT ON COLUMN access_log.person_id IS 'Whom it is about, where that is a person.';

CREATE TABLE access_log_head (
    only_one   boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    access_seq bigint NOT NULL,
    row_hash   bytea NOT NULL
);
INSERT INTO access_log_head VALUES (true, 0, '\x');

CREATE FUNCTION access_log_hash(l access_log) RETURNS bytea LANGUAGE sql IMMUTABLE AS $$
    SELECT sha256(convert_to(jsonb_build_array(
        l.access_seq, extract(epoch FROM l.at), l.kind, l.actor, l.person_id, l.clinic_id, l.pump_id, l.detail,
        extract(epoch FROM l.recorded_at), l.recorded_by, encode(l.previous_hash, 'hex'))::text, 'UTF8'))
$$;

CREATE FUNCTION chain_access() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    head access_log_head;
BEGIN
    SELECT * INTO head FROM access_log_head FOR UPDATE;
    NEW.access_seq := 1 + coalesce((SELECT max(access_seq) FROM access_log), 0);
    NEW.previous_hash := head.row_hash;
    NEW.recorded_at := clock_timestamp();
    NEW.recorded_by := session_user;
    NEW.row_hash := access_log_hash(NEW);
    UPDATE access_log_head SET access_seq = NEW.access_seq, row_hash = NEW.row_hash;
    RETURN NEW;
END
$$;
CREATE TRIGGER chain BEFORE INSERT ON access_log FOR EACH ROW EXECUTE FUNCTION chain_access();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON access_log
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- The one way in: a service's login may call it, and has no right on the rows. `about` may be null.
CREATE FUNCTION append_to_access_log(
    at timestamptz, kind text, actor text, about uuid, clinic_id text, pump_id text, detail text)
RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    INSERT INTO access_log (at, kind, actor, person_id, clinic_id, pump_id, detail)
    VALUES ($1, $2, $3, $4, $5, $6, $7::jsonb)
$$;
REVOKE ALL ON FUNCTION append_to_access_log FROM PUBLIC;

-- Who read of which pumps: one row for each reader, pump and hour. Clinic and pump at the same place belong together.
CREATE FUNCTION note_reads(at timestamptz, actor text, name text, clinic_ids text[], pump_ids text[])
RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    INSERT INTO access_log (at, kind, actor, clinic_id, pump_id, detail)
    SELECT $1, 'read', $2, n.clinic_id, n.pump_id, jsonb_build_object('name', $3)
    FROM (SELECT DISTINCT * FROM unnest($4, $5) AS u (clinic_id, pump_id)) n
    WHERE NOT EXISTS (SELECT FROM access_log l WHERE l.kind = 'read' AND l.actor = $2 AND l.pump_id = n.pump_id
                        AND l.clinic_id = n.clinic_id
                        AND l.at >= date_trunc('hour', $1, 'UTC') AND l.at < date_trunc('hour', $1, 'UTC') + interval '1 hour')
    ORDER BY n.clinic_id, n.pump_id
$$;
REVOKE ALL ON FUNCTION note_reads FROM PUBLIC;
