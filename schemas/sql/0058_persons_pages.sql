-- An administrator manages the persons of their clinics (docs/decisions/0044-administrators-manage-persons.md). All editions.
--
-- The database asks once more, whatever a handler forgets, wherever it knows who asks: roles are changed in clinics that who asks
-- administers, accounts of persons who have no role elsewhere and do not run the installation. A sign-in, a set-up link and the
-- commands of the owner are of nobody, and go on as they were.
CREATE FUNCTION web.administers(clinic text) RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = public, pg_temp AS $$
    SELECT EXISTS (SELECT FROM person_roles r JOIN persons p USING (person_id)
                   WHERE p.person_id = web.person() AND p.disabled_at IS NULL AND r.clinic_id = clinic AND r.role = 'administrator')
$$;

-- Whether who asks may disable a person, or give them another password: it would be felt in each of their clinics.
CREATE FUNCTION web.governs(person uuid) RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = public, pg_temp AS $$
    SELECT $1 IS DISTINCT FROM web.person()
       AND EXISTS (SELECT FROM persons p WHERE p.person_id = $1 AND NOT p.is_operator)
       AND (SELECT bool_and(web.administers(r.clinic_id)) FROM person_roles r WHERE r.person_id = $1) IS TRUE
$$;

-- Somebody else who is an administrator of the clinic and can be one. Who asks has locked the clinic's row: two who take each
-- other's role at the same moment wait for each other, and the second is refused.
CREATE FUNCTION web.has_another_administrator(clinic text, person uuid) RETURNS boolean LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = public, pg_temp AS $$
    SELECT EXISTS (SELECT FROM person_roles r JOIN persons p USING (person_id)
                   WHERE r.clinic_id = $1 AND r.role = 'administrator' AND p.disabled_at IS NULL AND p.person_id <> $2)
$$;

CREATE FUNCTION web.refuse_who_may_not_give_roles() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp AS $$
DECLARE
    clinic text := CASE TG_OP WHEN 'DELETE' THEN OLD.clinic_id ELSE NEW.clinic_id END;
    person uuid := CASE TG_OP WHEN 'DELETE' THEN OLD.person_id ELSE NEW.person_id END;
BEGIN
    PERFORM FROM clinics c WHERE c.clinic_id = clinic FOR NO KEY UPDATE;
    IF NOT web.administers(clinic)
       OR (TG_OP = 'UPDATE' AND (OLD.clinic_id, OLD.person_id) IS DISTINCT FROM (clinic, person))
       OR (TG_OP = 'INSERT' AND NOT EXISTS (
               SELECT FROM persons p WHERE p.person_id = person
                  AND (EXISTS (SELECT FROM person_roles r WHERE r.person_id = p.person_id AND web.administers(r.clinic_id))
                       OR (p.made_by = web.actor() AND NOT EXISTS (SELECT FROM person_roles r WHERE r.person_id = p.person_id))))) THEN
        RAISE EXCEPTION 'who asks may not give or take this role' USING ERRCODE = 'insufficient_privilege',
            DETAIL = format('expected an administrator of the clinic, and a person of a clinic of theirs: %s', web.actor());
    END IF;
    IF TG_OP <> 'INSERT' AND OLD.role = 'administrator' AND (TG_OP = 'DELETE' OR NEW.role <> 'administrator')
       AND NOT web.has_another_administrator(clinic, person) THEN
        RAISE EXCEPTION 'the clinic would have no administrator' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END
$$;

CREATE FUNCTION web.refuse_who_may_not_change_persons() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp AS $$
DECLARE
    clinic text;
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.is_operator OR NEW.password_hash IS NOT NULL OR NEW.oidc_subject IS NOT NULL OR NEW.made_by IS DISTINCT FROM web.actor()
           OR NOT EXISTS (SELECT FROM person_roles r WHERE r.person_id = web.person() AND web.administers(r.clinic_id)) THEN
            RAISE EXCEPTION 'who asks may not make this person' USING ERRCODE = 'insufficient_privilege';
        END IF;
        RETURN NEW;
    END IF;
    IF (OLD.person_id, OLD.name, OLD.sign_in, OLD.is_operator, OLD.oidc_issuer, OLD.oidc_subject, OLD.made_at, OLD.made_by)
       IS DISTINCT FROM
       (NEW.person_id, NEW.name, NEW.sign_in, NEW.is_operator, NEW.oidc_issuer, NEW.oidc_subject, NEW.made_at, NEW.made_by) THEN
        RAISE EXCEPTION 'nobody who asks changes that of a person' USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF NEW.person_id = web.person() THEN  -- their own password, and nothing else
        IF OLD.disabled_at IS DISTINCT FROM NEW.disabled_at OR NEW.set_up_digest IS NOT NULL THEN
            RAISE EXCEPTION 'nobody disables or resets themselves' USING ERRCODE = 'insufficient_privilege';
        END IF;
        RETURN NEW;
    END IF;
    IF NOT web.governs(NEW.person_id) OR NEW.password_hash IS DISTINCT FROM OLD.password_hash AND NEW.password_hash IS NOT NULL THEN
        RAISE EXCEPTION 'who asks may not change this person' USING ERRCODE = 'insufficient_privilege',
            DETAIL = 'expected somebody who has no role in another clinic, and does not run the installation';
    END IF;
    IF NEW.disabled_at IS NOT NULL AND OLD.disabled_at IS NULL THEN
        FOR clinic IN SELECT r.clinic_id FROM person_roles r WHERE r.person_id = NEW.person_id AND r.role = 'administrator'
                      ORDER BY r.clinic_id LOOP
            PERFORM FROM clinics c WHERE c.clinic_id = clinic FOR NO KEY UPDATE;
            IF NOT web.administers(clinic) OR NOT web.has_another_administrator(clinic, NEW.person_id) THEN
                RAISE EXCEPTION 'the clinic would have no administrator' USING ERRCODE = 'restrict_violation';
            END IF;
        END LOOP;
    END IF;
    RETURN NEW;
END
$$;

DO $$
DECLARE
    asked constant text := '(coalesce(current_setting(''pumpwatch.person'', true), '''') <> '''' '
                           'OR coalesce(current_setting(''pumpwatch.key'', true), '''') <> '''')';
BEGIN
    EXECUTE 'CREATE TRIGGER who_asks_may_give BEFORE INSERT OR UPDATE OR DELETE ON public.person_roles FOR EACH ROW WHEN ' || asked
            || ' EXECUTE FUNCTION web.refuse_who_may_not_give_roles()';
    EXECUTE 'CREATE TRIGGER who_asks_may_change BEFORE INSERT OR UPDATE ON public.persons FOR EACH ROW WHEN ' || asked
            || ' EXECUTE FUNCTION web.refuse_who_may_not_change_persons()';
END
$$;

CREATE OR REPLACE VIEW web.persons WITH (security_barrier) AS
SELECT person_id, name, sign_in, password_hash, set_up_digest, set_up_until, is_operator, disabled_at, oidc_issuer, oidc_subject,
       made_at, made_by, disabled_by
FROM public.persons;

-- The persons of the clinics that who asks administers, with their roles there and no others. Of channels how many there are, and
-- since when it is known of the one that was proven last that it rings; no name and no address of one.
CREATE VIEW web.managed_persons WITH (security_barrier) AS
SELECT p.person_id, p.name, p.sign_in, p.disabled_at, p.password_hash IS NOT NULL AS has_password, p.oidc_subject IS NOT NULL AS by_provider,
       p.set_up_until, web.governs(p.person_id) AS governed, mine.roles,
       (SELECT count(*) FROM public.person_channels c WHERE c.person_id = p.person_id AND c.verified_at IS NOT NULL) AS channels,
       (SELECT count(*) FROM public.person_channels c
        WHERE c.person_id = p.person_id AND c.verified_at IS NOT NULL AND c.failing_since IS NOT NULL) AS failing,
       (SELECT max(coalesce(c.proven_at, c.verified_at)) FROM public.person_channels c
        WHERE c.person_id = p.person_id AND c.verified_at IS NOT NULL AND c.rings) AS rang_at,
       (SELECT max(s.seen_at) FROM public.sessions s WHERE s.person_id = p.person_id) AS seen_at
FROM public.persons p
JOIN LATERAL (SELECT jsonb_object_agg(r.clinic_id, r.role) AS roles FROM public.person_roles r
              WHERE r.person_id = p.person_id AND web.administers(r.clinic_id)) mine ON mine.roles IS NOT NULL;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA web FROM PUBLIC;
