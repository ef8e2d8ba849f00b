-- Refill visits that a clinic books on its refill board, and by when each patient should come (docs/decisions/0050-refills.md). All editions.

-- What somebody said of the next visit of one patient, one row for each time: the newest holds. Rows never change. Each follows the
-- one that whoever said it had before them, so that of two who change the same visit the second is told.
CREATE TABLE refill_visits (
    entry_id        uuid PRIMARY KEY,
    clinic_id       text NOT NULL REFERENCES clinics,
    pump_id         text NOT NULL REFERENCES devices,
    implantation_id bigint NOT NULL,
    follows         uuid UNIQUE REFERENCES refill_visits,
    kind            text NOT NULL CHECK (kind IN ('booked', 'moved', 'done', 'cancelled')),
    visit_on        date NOT NULL,
    begins_at       timestamptz NOT NULL,
    has_hour        boolean NOT NULL,
    said_at         timestamptz NOT NULL,
    said_by         text NOT NULL CHECK (said_by <> ''),
    said_name       text NOT NULL CHECK (said_name <> '')
);
CREATE INDEX refill_visits_newest ON refill_visits (pump_id, said_at DESC);
CREATE UNIQUE INDEX refill_visits_first ON refill_visits (implantation_id, clinic_id) WHERE follows IS NULL;
COMMENT ON TABLE refill_visits IS 'What was said on the refill board of the next visit of a patient. The newest row of an implantation and clinic holds.';
COMMENT ON COLUMN refill_visits.implantation_id IS 'Whose visit it is. No foreign key: an implantation that was entered by mistake is taken back.';
COMMENT ON COLUMN refill_visits.begins_at IS 'When it begins: at the hour that was said, or with its day on the clinic''s clock.';

-- By when the patient should come, as the last evaluation that looked at it saw it. It sorts the refill board, which computes what
-- it shows; no index, as every evaluation writes the row.
ALTER TABLE pump_evaluations ADD COLUMN come_by timestamptz, ADD COLUMN come_by_seen_at timestamptz;
COMMENT ON COLUMN pump_evaluations.come_by IS 'When the reservoir may reach its alarm level, or the drug is too old; null: not known, or not for years.';

CREATE OR REPLACE VIEW web.pump_evaluations WITH (security_barrier) AS
SELECT pump_id, evaluated_at, failures, come_by FROM public.pump_evaluations
WHERE pump_id IN (SELECT pump_id FROM web.own_pumps)
WITH CASCADED CHECK OPTION;

CREATE VIEW web.refill_visits WITH (security_barrier) AS
SELECT entry_id, clinic_id, pump_id, implantation_id, follows, kind, visit_on, begins_at, has_hour, said_at, said_by, said_name
FROM public.refill_visits WHERE clinic_id = ANY ((SELECT web.clinics())::text[])
WITH CASCADED CHECK OPTION;

-- Who says something of a visit acts in the clinic, for themselves, and of the patient in whom the pump is.
CREATE FUNCTION web.refuse_who_may_not_book() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp AS $$
BEGIN
    IF NOT coalesce(web.acts_in(NEW.clinic_id) AND NEW.said_by = web.actor() AND EXISTS (
            SELECT FROM devices d
            CROSS JOIN LATERAL (SELECT i.implantation_id, i.implanted FROM implantations i WHERE i.pump_id = d.device_id
                                ORDER BY i.began_at DESC LIMIT 1) newest
            WHERE d.device_id = NEW.pump_id AND d.clinic_id = NEW.clinic_id AND d.retired_at IS NULL
              AND newest.implanted AND newest.implantation_id = NEW.implantation_id), false) THEN
        RAISE EXCEPTION 'who asks may not say this of a refill visit' USING ERRCODE = 'insufficient_privilege',
            DETAIL = format('expected a responder of the pump''s clinic who speaks for themselves, and the patient of now: %s', web.actor());
    END IF;
    RETURN NEW;
END
$$;
REVOKE ALL ON FUNCTION web.refuse_who_may_not_book() FROM PUBLIC;
CREATE TRIGGER who_asks_may_book BEFORE INSERT OR UPDATE ON public.refill_visits FOR EACH ROW
    WHEN (coalesce(current_setting('pumpwatch.person', true), '') <> '' OR coalesce(current_setting('pumpwatch.key', true), '') <> '')
    EXECUTE FUNCTION web.refuse_who_may_not_book();
