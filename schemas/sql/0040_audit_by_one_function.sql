-- Audit rows are appended by one function, with the rights of the owner: a service's login may call it, and has no right
-- on the trail's rows or heads. What a service says is who did what, and when by its own clock (`at`); the database adds
-- the time of its own clock and the login that it was told by. Both are part of the hash, so that a row that is dated back
-- shows (`pumpwatch audit verify`). Nothing is refused for its date: a clock that is wrong may not stop a page.
ALTER TABLE alert_transitions
    ADD COLUMN recorded_at timestamptz,
    ADD COLUMN recorded_by text;
COMMENT ON COLUMN alert_transitions.at IS 'When it happened, by the clock of the process that decided.';
COMMENT ON COLUMN alert_transitions.recorded_at IS
    'When the row was appended, by the clock of the database. Null: before migration 0040.';
COMMENT ON COLUMN alert_transitions.recorded_by IS 'The login that appended it.';

-- Rows from before give the hash that they have.
CREATE OR REPLACE FUNCTION alert_transition_hash(t alert_transitions) RETURNS bytea
LANGUAGE sql IMMUTABLE AS $$
    SELECT sha256(convert_to((jsonb_build_array(
        t.clinic_id, t.clinic_seq, t.alert_id, extract(epoch FROM t.at), t.kind, t.from_state, t.to_state,
        t.priority, t.reason, t.actor, t.detail, encode(t.previous_hash, 'hex'))
        || CASE WHEN t.recorded_at IS NULL AND t.recorded_by IS NULL THEN '[]'::jsonb
                ELSE jsonb_build_array(extract(epoch FROM t.recorded_at), t.recorded_by) END)::text, 'UTF8'))
$$;

-- As in 0036, and says by itself when and by whom.
CREATE OR REPLACE FUNCTION chain_alert_transition() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    head audit_heads;
BEGIN
    INSERT INTO audit_heads VALUES (NEW.clinic_id, 0, '\x') ON CONFLICT DO NOTHING;
    SELECT * INTO head FROM audit_heads WHERE clinic_id = NEW.clinic_id FOR UPDATE;
    NEW.clinic_seq := 1 + coalesce((SELECT max(clinic_seq) FROM alert_transitions WHERE clinic_id = NEW.clinic_id), 0);
    NEW.previous_hash := head.row_hash;
    NEW.recorded_at := clock_timestamp();
    NEW.recorded_by := session_user;
    NEW.row_hash := alert_transition_hash(NEW);
    UPDATE audit_heads SET clinic_seq = NEW.clinic_seq, row_hash = NEW.row_hash WHERE clinic_id = NEW.clinic_id;
    RETURN NEW;
END
$$;

-- In the order of the clinics, so that two transactions take the heads of the chains in one order.
CREATE FUNCTION append_to_audit(
    clinic_ids text[], alert_ids uuid[], kinds text[], from_states text[], to_states text[], priorities text[],
    reasons text[], actors text[], at timestamptz, details text[])
RETURNS TABLE (alert_id uuid, clinic_seq bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    RETURN QUERY
    INSERT INTO alert_transitions AS t
        (clinic_id, alert_id, at, kind, from_state, to_state, priority, reason, actor, detail)
    SELECT n.clinic_id, n.alert_id, $9, n.kind, n.from_state, n.to_state, n.priority, n.reason, n.actor, n.detail::jsonb
    FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $10)
         AS n (clinic_id, alert_id, kind, from_state, to_state, priority, reason, actor, detail)
    ORDER BY n.clinic_id, n.alert_id
    RETURNING t.alert_id, t.clinic_seq;
END
$$;
REVOKE ALL ON FUNCTION append_to_audit FROM PUBLIC;

-- Whoever could add a row may call it: a login that the installation named by itself goes on working.
DO $$
DECLARE
    held record;
BEGIN
    FOR held IN
        SELECT DISTINCT quote_ident(g.rolname) AS grantee
        FROM pg_class c, aclexplode(c.relacl) AS acl JOIN pg_roles g ON g.oid = acl.grantee
        WHERE c.oid = 'alert_transitions'::regclass AND acl.privilege_type = 'INSERT' AND acl.grantee <> c.relowner
    LOOP
        EXECUTE format('GRANT EXECUTE ON FUNCTION append_to_audit TO %s', held.grantee);
    END LOOP;
END
$$;

-- A function that runs with the owner's rights looks names up where nobody else can put any: temporary tables come last.
ALTER FUNCTION begin_periods() SET search_path = public, pg_temp;
ALTER FUNCTION follow_clinic() SET search_path = public, pg_temp;
