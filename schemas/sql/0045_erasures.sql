-- What was recorded of a patient can be erased, and the audit trail stays whole (docs/decisions/0034-erasure.md). All editions.

-- A row of what only grows may lose its detail, in which people and rules write, and nothing else. In the audit trail such a row no
-- longer gives its own hash: a later row of the kind "erased" says which rows lost theirs, by whose order, and what hash each has
-- since (`pumpwatch audit verify`). No service may change either table (schemas/grants.sql): this is for the owner.
CREATE FUNCTION refuse_change_but_erasure() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF NEW.detail = '{"erased": true}' AND to_jsonb(NEW) - 'detail' = to_jsonb(OLD) - 'detail' THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP;
END
$$;

DROP TRIGGER append_only ON alert_transitions;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON alert_transitions
    FOR EACH ROW EXECUTE FUNCTION refuse_change_but_erasure();
CREATE TRIGGER not_emptied BEFORE TRUNCATE ON alert_transitions
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

DROP TRIGGER append_only ON registry_changes;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON registry_changes
    FOR EACH ROW EXECUTE FUNCTION refuse_change_but_erasure();
CREATE TRIGGER not_emptied BEFORE TRUNCATE ON registry_changes
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- An erasure is about no alert that still says anything, and may be about none.
ALTER TABLE alert_transitions ALTER COLUMN alert_id DROP NOT NULL;
ALTER TABLE alert_transitions ADD CONSTRAINT alert_transitions_of_an_alert CHECK (alert_id IS NOT NULL OR kind = 'erased') NOT VALID;
COMMENT ON COLUMN alert_transitions.alert_id IS 'Null: of the kind "erased", which is about an implantation.';

ALTER TABLE implantations ADD COLUMN erased_at timestamptz;
COMMENT ON COLUMN implantations.erased_at IS 'When what was recorded in it was last erased, and its reference; null: it was not.';
