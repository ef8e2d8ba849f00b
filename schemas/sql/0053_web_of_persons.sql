-- What the web process sees of persons, their channels and rotas (docs/decisions/0037-clinics-apart.md). All editions.

-- A sign-in by a provider makes persons and gives them roles: as before, and what it writes.
CREATE OR REPLACE VIEW web.persons WITH (security_barrier) AS
SELECT person_id, name, sign_in, password_hash, set_up_digest, set_up_until, is_operator, disabled_at, oidc_issuer, oidc_subject,
       made_at, made_by
FROM public.persons;
CREATE OR REPLACE VIEW web.person_roles WITH (security_barrier) AS
SELECT person_id, clinic_id, role, given_at, given_by FROM public.person_roles;
CREATE VIEW web.oidc_sessions WITH (security_barrier) AS
SELECT digest, nonce_digest, provider_session FROM public.oidc_sessions;

-- Of channels, who asks sees and changes their own, and who is nobody none. "Heard it" is said by who has a drill's link: by a function.
-- The address goes in, and the web process has no right to read it back.
CREATE VIEW web.person_channels WITH (security_barrier) AS
SELECT channel_id, person_id, position, name, url, shown, rings, made_at, verified_at, code_digest, code_until, code_tries,
       last_sent_at, failing_since, last_error, proven_at
FROM public.person_channels WHERE person_id = (SELECT web.person())
WITH CASCADED CHECK OPTION;
CREATE VIEW web.person_hours WITH (security_barrier) AS
SELECT person_id, timezone, quiet_begins, quiet_ends, drill_weekday, drill_at
FROM public.person_hours WHERE person_id = (SELECT web.person())
WITH CASCADED CHECK OPTION;
CREATE VIEW web.channel_messages WITH (security_barrier) AS
SELECT message_id, channel_id, purpose, episode, about, asked_at, due_at, ended_at, sent_at, answered_at
FROM public.channel_messages WHERE channel_id IN (SELECT channel_id FROM web.person_channels)
WITH CASCADED CHECK OPTION;

-- A drill is answered by its link, by whoever has that: nobody signs in. The name of the channel; null: of no drill that is good.
CREATE FUNCTION drill_asked(digest bytea, sent_since timestamptz) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT c.name FROM channel_messages m JOIN person_channels c USING (channel_id)
    WHERE m.answer_digest = $1 AND m.sent_at > $2
$$;
CREATE FUNCTION hear_drill(digest bytea, at timestamptz, sent_since timestamptz) RETURNS text
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    WITH heard AS (
        UPDATE channel_messages m SET answered_at = coalesce(m.answered_at, $2)
        WHERE m.answer_digest = $1 AND m.sent_at > $3 RETURNING m.channel_id, m.answered_at)
    UPDATE person_channels c SET proven_at = greatest(c.proven_at, h.answered_at) FROM heard h
    WHERE c.channel_id = h.channel_id RETURNING c.name
$$;
REVOKE ALL ON FUNCTION drill_asked, hear_drill FROM PUBLIC;

-- Answers by links are recorded one by one, whoever gave them: no patient stands in them.
CREATE VIEW web.link_answers WITH (security_barrier) AS
SELECT delivery_id, purpose, about, person_id, given_at, taken_at, alert_id, settled_at, outcome FROM public.link_answers;
CREATE VIEW web.bypassed_pages WITH (security_barrier) AS
SELECT event_id, alert_id, settled_at FROM public.bypassed_pages WHERE clinic_id = ANY ((SELECT web.clinics())::text[]);

-- Rotas, their versions and changes, of the clinics of who asks.
CREATE VIEW web.rotas WITH (security_barrier) AS
SELECT rota_id, clinic_id, name, removed_at, removed_by FROM public.rotas WHERE clinic_id = ANY ((SELECT web.clinics())::text[])
WITH CASCADED CHECK OPTION;
CREATE VIEW web.rota_versions WITH (security_barrier) AS
SELECT rota_id, version, timezone, layers, made_at, made_by, made_name
FROM public.rota_versions WHERE rota_id IN (SELECT rota_id FROM web.rotas)
WITH CASCADED CHECK OPTION;
CREATE VIEW web.rota_changes WITH (security_barrier) AS
SELECT change_id, rota_id, kind, person_id, instead_of, begins, ends, made_with, made_at, made_by, made_name, withdrawn_at,
       withdrawn_by, withdrawn_name
FROM public.rota_changes WHERE rota_id IN (SELECT rota_id FROM web.rotas)
WITH CASCADED CHECK OPTION;

-- A turn is changed by a responder of the rota's clinic, a rota by an administrator.
CREATE FUNCTION web.refuse_who_may_not_change_rotas() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp AS $$
DECLARE
    clinic text := (SELECT clinic_id FROM rotas WHERE rota_id = NEW.rota_id);
BEGIN
    IF TG_TABLE_NAME = 'rotas' THEN
        clinic := NEW.clinic_id;
    END IF;
    IF NOT coalesce(web.acts_in(clinic) AND (TG_TABLE_NAME = 'rota_changes' OR EXISTS (
            SELECT FROM person_roles WHERE person_id = web.person() AND person_roles.clinic_id = clinic AND role = 'administrator')), false) THEN
        RAISE EXCEPTION 'who asks may not change rotas of the clinic' USING ERRCODE = 'insufficient_privilege',
            DETAIL = format('expected a responder there for a turn, and an administrator for a rota: %s', web.actor());
    END IF;
    RETURN NEW;
END
$$;
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['rotas', 'rota_versions', 'rota_changes'] LOOP
        EXECUTE format('CREATE TRIGGER who_asks_may_change BEFORE INSERT OR UPDATE ON public.%I FOR EACH ROW '
                       'WHEN (coalesce(current_setting(''pumpwatch.person'', true), '''') <> '''' '
                       'OR coalesce(current_setting(''pumpwatch.key'', true), '''') <> '''') '
                       'EXECUTE FUNCTION web.refuse_who_may_not_change_rotas()', name);
    END LOOP;
END
$$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA web FROM PUBLIC;
