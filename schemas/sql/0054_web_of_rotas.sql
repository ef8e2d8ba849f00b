-- What the web process sees of who can be told, and who may change a rota (docs/decisions/0043-on-call-on-the-board.md). All editions.

-- Whether a person of one's clinics can be told. Of the address only its kind: it may hold a token.
CREATE VIEW web.channel_states WITH (security_barrier) AS
SELECT person_id, position, name, coalesce(substring(url FROM '^[A-Za-z0-9.+-]+://'), '') AS kind, verified_at, failing_since
FROM public.person_channels
WHERE person_id IN (SELECT person_id FROM public.person_roles WHERE clinic_id = ANY ((SELECT web.clinics())::text[]));

-- Turns are changed by those who answer, and layers by administrators; by a person, never by a program's key.
CREATE FUNCTION web.refuse_who_may_not_change_rotas() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp AS $$
DECLARE
    clinic text;
BEGIN
    SELECT clinic_id INTO clinic FROM rotas WHERE rota_id = NEW.rota_id;
    IF TG_TABLE_NAME = 'rotas' THEN
        clinic := NEW.clinic_id;
    END IF;
    IF NOT EXISTS (SELECT FROM person_roles r JOIN persons p USING (person_id)
                   WHERE p.person_id = web.person() AND p.disabled_at IS NULL AND r.clinic_id = clinic
                     AND r.role IN ('administrator', CASE TG_TABLE_NAME WHEN 'rota_changes' THEN 'responder' END)) THEN
        RAISE EXCEPTION 'who asks may not change this rota' USING ERRCODE = 'insufficient_privilege',
            DETAIL = format('expected a responder of its clinic for a turn, an administrator for layers: %s', web.actor());
    END IF;
    RETURN NEW;
END
$$;
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['rotas', 'rota_versions', 'rota_changes'] LOOP
        EXECUTE format('CREATE TRIGGER who_asks_may_act BEFORE INSERT OR UPDATE ON public.%I FOR EACH ROW '
                       'WHEN (coalesce(current_setting(''pumpwatch.person'', true), '''') <> '''' '
                       'OR coalesce(current_setting(''pumpwatch.key'', true), '''') <> '''') '
                       'EXECUTE FUNCTION web.refuse_who_may_not_change_rotas()', name);
    END LOOP;
END
$$;
REVOKE ALL ON FUNCTION web.refuse_who_may_not_change_rotas FROM PUBLIC;
