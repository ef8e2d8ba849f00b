-- What whoever comes on call took over, and what was promised (docs/decisions/0045-handed-over-by-name.md). All editions.

-- One for each turn that was taken over: who has the rota from `begins` on has read what is open, and said so.
CREATE TABLE hand_overs (
    rota_id       uuid NOT NULL REFERENCES rotas,
    begins        timestamptz NOT NULL,
    clinic_id     text NOT NULL REFERENCES clinics,
    person_id     uuid NOT NULL REFERENCES persons,
    accepted_at   timestamptz NOT NULL,
    accepted_by   text NOT NULL CHECK (accepted_by <> ''),
    accepted_name text NOT NULL CHECK (accepted_name <> ''),
    PRIMARY KEY (rota_id, begins)
);
COMMENT ON TABLE hand_overs IS 'Who took a turn of a rota over, with what was open then. Rows never change.';

CREATE TABLE promises (
    promise_id uuid PRIMARY KEY,
    clinic_id  text NOT NULL REFERENCES clinics,
    alert_id   uuid NOT NULL REFERENCES alerts,
    words      text NOT NULL CHECK (words <> ''),
    due_at     timestamptz NOT NULL,
    made_at    timestamptz NOT NULL,
    made_by    text NOT NULL,
    made_name  text NOT NULL,
    kept_at    timestamptz,
    kept_by    text,
    kept_name  text
);
CREATE INDEX promises_open ON promises (due_at) WHERE kept_at IS NULL;
CREATE INDEX promises_of_alert ON promises (alert_id);
COMMENT ON TABLE promises IS 'What somebody said they would do about an alert at a time, such as to call again. It is open until it is kept or the alert is closed.';

CREATE VIEW web.hand_overs WITH (security_barrier) AS
SELECT rota_id, begins, clinic_id, person_id, accepted_at, accepted_by, accepted_name
FROM public.hand_overs WHERE clinic_id = ANY ((SELECT web.clinics())::text[])
WITH CASCADED CHECK OPTION;
CREATE VIEW web.promises WITH (security_barrier) AS
SELECT promise_id, clinic_id, alert_id, words, due_at, made_at, made_by, made_name, kept_at, kept_by, kept_name
FROM public.promises WHERE clinic_id = ANY ((SELECT web.clinics())::text[])
WITH CASCADED CHECK OPTION;

-- Who acts in the clinic, acts for themselves: nobody accepts or promises in the name of others. An alert and a rota are of the clinic.
CREATE FUNCTION web.refuse_who_speaks_for_others() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp AS $$
DECLARE
    is_own boolean;
BEGIN
    IF TG_TABLE_NAME = 'hand_overs' THEN
        is_own := NEW.person_id = web.person() AND NEW.accepted_by = web.actor()
            AND EXISTS (SELECT FROM rotas r WHERE r.rota_id = NEW.rota_id AND r.clinic_id = NEW.clinic_id);
    ELSIF TG_OP = 'INSERT' THEN
        is_own := NEW.made_by = web.actor() AND NEW.kept_at IS NULL
            AND EXISTS (SELECT FROM alerts a WHERE a.alert_id = NEW.alert_id AND a.clinic_id = NEW.clinic_id);
    ELSE
        is_own := NEW.kept_by = web.actor() AND (NEW.clinic_id, NEW.alert_id, NEW.made_by) = (OLD.clinic_id, OLD.alert_id, OLD.made_by);
    END IF;
    IF NOT coalesce(web.acts_in(NEW.clinic_id) AND is_own, false) THEN
        RAISE EXCEPTION 'who asks may not say this for others' USING ERRCODE = 'insufficient_privilege',
            DETAIL = format('expected a responder of the clinic who speaks for themselves: %s', web.actor());
    END IF;
    RETURN NEW;
END
$$;
REVOKE ALL ON FUNCTION web.refuse_who_speaks_for_others() FROM PUBLIC;
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['hand_overs', 'promises'] LOOP
        EXECUTE format('CREATE TRIGGER who_asks_speaks_for_themselves BEFORE INSERT OR UPDATE ON public.%I FOR EACH ROW '
                       'WHEN (coalesce(current_setting(''pumpwatch.person'', true), '''') <> '''' '
                       'OR coalesce(current_setting(''pumpwatch.key'', true), '''') <> '''') '
                       'EXECUTE FUNCTION web.refuse_who_speaks_for_others()', name);
    END LOOP;
END
$$;
