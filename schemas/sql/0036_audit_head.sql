-- What somebody did to the head of a clinic's audit trail may not stop its pages: the number of a row comes from the trail
-- itself. With a head that was moved back, two rows had one number, and nothing that is audited could be written any more.
-- The head still says which row came last: a row does not follow from the one before it where either was touched
-- (`pumpwatch audit verify`).
CREATE OR REPLACE FUNCTION chain_alert_transition() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    head audit_heads;
BEGIN
    INSERT INTO audit_heads VALUES (NEW.clinic_id, 0, '\x') ON CONFLICT DO NOTHING;
    SELECT * INTO head FROM audit_heads WHERE clinic_id = NEW.clinic_id FOR UPDATE;
    NEW.clinic_seq := 1 + coalesce((SELECT max(clinic_seq) FROM alert_transitions WHERE clinic_id = NEW.clinic_id), 0);
    NEW.previous_hash := head.row_hash;
    NEW.row_hash := alert_transition_hash(NEW);
    UPDATE audit_heads SET clinic_seq = NEW.clinic_seq, row_hash = NEW.row_hash WHERE clinic_id = NEW.clinic_id;
    RETURN NEW;
END
$$;
