-- Whose a handheld's event is: the pairing that held when it was observed decides (docs/decisions/0019-identity-has-periods.md).
-- All editions.

-- A pairing that was wrong from its first moment on ends as it begins: it holds never, and is kept, because events may be
-- stored by it. So the beginning no longer tells pairings apart.
ALTER TABLE pairings DROP CONSTRAINT pairings_pkey;
ALTER TABLE pairings
    ADD COLUMN pairing_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    ALTER COLUMN paired_at DROP DEFAULT;
ALTER TABLE pairings ADD CONSTRAINT pairings_in_order CHECK (ended_at >= paired_at) NOT VALID;
CREATE INDEX pairings_handheld ON pairings (handheld_id, paired_at);
COMMENT ON COLUMN pairings.paired_at IS
    'Inclusive; -infinity: as far back as anybody knows. Left out, that is what the first pairing of a handheld has, and now() any other.';
COMMENT ON COLUMN pairings.ended_at IS 'Exclusive; null: it holds. As paired_at: it never held, and is kept because events may be stored by it.';

CREATE FUNCTION fill_paired_at() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.paired_at IS NULL THEN
        NEW.paired_at := CASE WHEN EXISTS (SELECT FROM pairings WHERE handheld_id = NEW.handheld_id)
                              THEN now() ELSE '-infinity' END;
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER fill_paired_at BEFORE INSERT ON pairings FOR EACH ROW EXECUTE FUNCTION fill_paired_at();

-- Not an exclusion constraint: that needs the extension btree_gist, which not every edition has. The handheld's row is locked, so
-- that two sessions cannot each pass the check.
CREATE FUNCTION refuse_overlapping_pairing() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    other pairings;
BEGIN
    PERFORM FROM devices WHERE device_id = NEW.handheld_id FOR NO KEY UPDATE;
    SELECT * INTO other FROM pairings p
    WHERE p.handheld_id = NEW.handheld_id AND p.pairing_id <> NEW.pairing_id
      AND p.paired_at < coalesce(p.ended_at, 'infinity') AND NEW.paired_at < coalesce(NEW.ended_at, 'infinity')
      AND p.paired_at < coalesce(NEW.ended_at, 'infinity') AND NEW.paired_at < coalesce(p.ended_at, 'infinity')
    LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'handheld % is paired with pump % from % to %', other.handheld_id, other.pump_id, other.paired_at,
                        coalesce(other.ended_at, 'infinity')
            USING ERRCODE = 'exclusion_violation', CONSTRAINT = 'pairings_do_not_overlap';
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER pairings_do_not_overlap AFTER INSERT OR UPDATE ON pairings
    FOR EACH ROW EXECUTE FUNCTION refuse_overlapping_pairing();

-- What ingest asks. Of a handheld also every pairing that it ever had, oldest first, in seconds since 1970.
CREATE OR REPLACE VIEW registry AS
SELECT d.device_id,
       d.kind,
       d.clinic_id,
       CASE d.kind WHEN 'pump' THEN d.device_id ELSE p.pump_id END AS pump_id,
       ever.pumps, ever.begins, ever.ends
FROM devices d
LEFT JOIN pairings p ON p.handheld_id = d.device_id AND p.ended_at IS NULL
LEFT JOIN LATERAL (
    SELECT array_agg(pump_id ORDER BY paired_at, pairing_id) AS pumps,
           array_agg(extract(epoch FROM paired_at)::float8 ORDER BY paired_at, pairing_id) AS begins,
           array_agg(extract(epoch FROM coalesce(ended_at, 'infinity'))::float8 ORDER BY paired_at, pairing_id) AS ends
    FROM pairings WHERE handheld_id = d.device_id) ever ON d.kind = 'handheld'
WHERE d.retired_at IS NULL;

-- Who changed the registry by a command, when and how.
CREATE TABLE registry_changes (
    change_id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at         timestamptz NOT NULL DEFAULT clock_timestamp(),
    actor      text NOT NULL CHECK (actor <> ''),
    login      text NOT NULL DEFAULT session_user,
    command    text NOT NULL,
    device_ids text[] NOT NULL,
    detail     jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX registry_changes_devices ON registry_changes USING gin (device_ids);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON registry_changes
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
COMMENT ON COLUMN registry_changes.login IS 'The database login by which it was done.';

-- What was sent before a handheld was paired for the first time was stored for that pump, and still is.
UPDATE pairings p SET paired_at = '-infinity'
WHERE NOT EXISTS (SELECT FROM pairings o WHERE o.handheld_id = p.handheld_id AND o.paired_at < p.paired_at);
