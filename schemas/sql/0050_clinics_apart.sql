-- What the web process sees of the database ends at the clinics of who asks (docs/decisions/0037-clinics-apart.md). All editions.
--
-- It has no right on a table that holds anything of a clinic. Its statements name tables, and its connections look names up in the
-- schema `web` first: there a view of the same name shows what belongs to the clinics of the person or key that the connection was
-- told of (`tell_who_asks`). Nobody told: nothing is shown. A handler that forgets to ask whose an alert is finds none of another's.
CREATE SCHEMA web;

-- Who asks. A setting that was set and a setting that never was are both empty.
CREATE FUNCTION web.person() RETURNS uuid LANGUAGE sql STABLE RETURN
    nullif(current_setting('pumpwatch.person', true), '')::uuid;
CREATE FUNCTION web.key() RETURNS text LANGUAGE sql STABLE RETURN nullif(current_setting('pumpwatch.key', true), '');

-- As the audit trail names them. Null: nobody.
CREATE FUNCTION web.actor() RETURNS text LANGUAGE sql STABLE RETURN coalesce('person:' || web.person(), 'key:' || web.key());

-- The clinics in which who asks may read; an empty array: none. Asked once for each view of a statement.
CREATE FUNCTION web.clinics() RETURNS text[] LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT ARRAY(
        SELECT r.clinic_id FROM person_roles r JOIN persons p USING (person_id)
        WHERE p.person_id = web.person() AND p.disabled_at IS NULL
        UNION
        SELECT c.clinic_id FROM api_keys k JOIN clinics c ON k.clinic_id IS NULL OR c.clinic_id = k.clinic_id
        WHERE k.key_id = web.key() AND k.revoked_at IS NULL)
$$;

-- Whether who asks may act in a clinic: a responder or more, or a key that was made for acting.
CREATE FUNCTION web.acts_in(clinic text) RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = public, pg_temp AS $$
    SELECT EXISTS (SELECT FROM person_roles r JOIN persons p USING (person_id)
                   WHERE p.person_id = web.person() AND p.disabled_at IS NULL AND r.clinic_id = clinic
                     AND r.role IN ('responder', 'administrator'))
        OR EXISTS (SELECT FROM api_keys k
                   WHERE k.key_id = web.key() AND k.revoked_at IS NULL AND 'alerts.act' = ANY (k.scopes)
                     AND (k.clinic_id IS NULL OR k.clinic_id = clinic))
$$;

-- Whose a pump is now; whose it has been, with the bounds of what each clinic may see of it. The clinic that has it now sees all of
-- the patient's time with this pump, as its rules do; one that had it sees its own time.
CREATE VIEW web.own_pumps AS
SELECT d.device_id AS pump_id FROM devices d WHERE d.clinic_id = ANY ((SELECT web.clinics())::text[]);
CREATE VIEW web.own_periods AS
SELECT p.pump_id, CASE WHEN p.ended_at = 'infinity' THEN newest.began_at ELSE greatest(p.began_at, newest.began_at) END AS began_at,
       p.ended_at
FROM memberships p
CROSS JOIN LATERAL (
    SELECT coalesce(max(i.began_at), '-infinity') AS began_at FROM implantations i
    WHERE i.pump_id = p.pump_id AND i.implanted AND i.began_at < p.ended_at) newest
WHERE p.clinic_id = ANY ((SELECT web.clinics())::text[]);

-- Alerts and what belongs to them.
CREATE VIEW web.alerts WITH (security_barrier) AS
SELECT alert_id, clinic_id, pump_id, rule, key, priority, state, title, explanation, evidence, since, opened_at, updated_at,
       acknowledged_by, acknowledged_by_id, acknowledged_at, acknowledgement_expires_at, cleared_at, closed_at, policy_version,
       resolved_by, resolved_by_id, resolved_at, resolution, accepted_by, accepted_by_id, accepted_at, acceptance, accepted_since,
       accepted_per_day, implantation_id, calm_since
FROM public.alerts WHERE clinic_id = ANY ((SELECT web.clinics())::text[])
WITH CASCADED CHECK OPTION;

CREATE VIEW web.alert_transitions WITH (security_barrier) AS
SELECT clinic_id, clinic_seq, alert_id, at, kind, from_state, to_state, priority, reason, actor, detail
FROM public.alert_transitions WHERE clinic_id = ANY ((SELECT web.clinics())::text[]);

-- Without what was written to whom: title and body, and the addresses, which the policy has.
CREATE VIEW web.deliveries WITH (security_barrier) AS
SELECT delivery_id, clinic_id, alert_id, kind, episode, step, contact, channel, priority, state, created_at, due_at, attempts,
       last_error, sent_at, held_by, held_silence, group_id, bypassed, follow_up
FROM public.deliveries WHERE clinic_id = ANY ((SELECT web.clinics())::text[])
WITH CASCADED CHECK OPTION;

CREATE VIEW web.silences WITH (security_barrier) AS
SELECT silence_id, clinic_id, kind, pump_id, rule, includes_high, reason, created_by, created_by_id, created_at, begins_at, ends_at,
       ended_at, ended_by, ended_by_id
FROM public.silences WHERE clinic_id = ANY ((SELECT web.clinics())::text[])
WITH CASCADED CHECK OPTION;

-- Pumps, and what is known of them beside their events.
CREATE VIEW web.devices WITH (security_barrier) AS
SELECT device_id, kind, clinic_id, enrolled_at, retired_at
FROM public.devices WHERE clinic_id = ANY ((SELECT web.clinics())::text[]);

CREATE VIEW web.pairings WITH (security_barrier) AS
SELECT handheld_id, pump_id, paired_at, ended_at FROM public.pairings WHERE pump_id IN (SELECT pump_id FROM web.own_pumps);

CREATE VIEW web.device_contacts WITH (security_barrier) AS
SELECT pump_id, device_id, last_seen_at, clock_offset_seconds, paused_at, resumed_at, refused_at, refused_offset_seconds
FROM public.device_contacts WHERE pump_id IN (SELECT pump_id FROM web.own_pumps);

CREATE VIEW web.certificates WITH (security_barrier) AS
SELECT device_id, entered_at, not_after, revoked_at
FROM public.certificates WHERE device_id IN (SELECT pump_id FROM web.own_pumps);

CREATE VIEW web.pump_evaluations WITH (security_barrier) AS
SELECT pump_id, evaluated_at, failures FROM public.pump_evaluations WHERE pump_id IN (SELECT pump_id FROM web.own_pumps)
WITH CASCADED CHECK OPTION;

CREATE VIEW web.evaluation_queue WITH (security_barrier) AS
SELECT pump_ids FROM public.evaluation_queue WHERE pump_ids <@ (SELECT array_agg(pump_id) FROM web.own_pumps)
WITH CASCADED CHECK OPTION;

CREATE VIEW web.seen_periods WITH (security_barrier) AS
SELECT pump_id, clinic_id, began_at, ended_at, implanted_at
FROM public.seen_periods WHERE clinic_id = ANY ((SELECT web.clinics())::text[]);

-- Of a patient who had the pump before it came to the clinic, or after it left, nothing.
CREATE VIEW web.implantations WITH (security_barrier) AS
SELECT implantation_id, pump_id, began_at, implanted, patient_ref
FROM public.implantations i
WHERE EXISTS (
    SELECT FROM public.memberships m
    WHERE m.pump_id = i.pump_id AND m.clinic_id = ANY ((SELECT web.clinics())::text[]) AND i.began_at < m.ended_at
      AND NOT EXISTS (SELECT FROM public.implantations n
                      WHERE n.pump_id = i.pump_id AND n.began_at > i.began_at AND n.began_at <= m.began_at));

-- Events: all columns that each had, by the moment at which each is judged to have been.
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['bolus_requests', 'device_statuses', 'patient_reports', 'pump_alarms', 'refills',
                                'reservoir_readings', 'therapies'] LOOP
        EXECUTE format('CREATE VIEW web.%1$I WITH (security_barrier) AS SELECT e.* FROM public.%1$I e '
                       'WHERE EXISTS (SELECT FROM web.own_periods p WHERE p.pump_id = e.pump_id '
                       'AND public.judged_at(e.observed_at, e.received_at) >= p.began_at '
                       'AND public.judged_at(e.observed_at, e.received_at) < p.ended_at)', name);
    END LOOP;
END
$$;
CREATE VIEW web.refused_alarms WITH (security_barrier) AS
SELECT e.* FROM public.refused_alarms e
WHERE EXISTS (SELECT FROM web.own_periods p
              WHERE p.pump_id = e.pump_id AND e.received_at >= p.began_at AND e.received_at < p.ended_at);

-- Who reads is not who writes. The tables ask once more: what a view shows to a viewer, a responder may change.
CREATE FUNCTION web.refuse_who_may_not_act() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp AS $$
DECLARE
    clinics text[];
BEGIN
    CASE TG_TABLE_NAME
        WHEN 'evaluation_queue' THEN
            SELECT array_agg(DISTINCT clinic_id) INTO clinics FROM devices WHERE device_id = ANY (NEW.pump_ids);
        WHEN 'pump_evaluations' THEN
            SELECT array_agg(clinic_id) INTO clinics FROM devices WHERE device_id = NEW.pump_id;
        ELSE
            clinics := ARRAY[NEW.clinic_id];
    END CASE;
    IF NOT (SELECT bool_and(web.acts_in(c)) FROM unnest(clinics) c) IS TRUE THEN
        RAISE EXCEPTION 'who asks may not act in the clinic' USING ERRCODE = 'insufficient_privilege',
            DETAIL = format('expected the role of a responder there, or a key for alerts.act: %s', web.actor());
    END IF;
    RETURN NEW;
END
$$;
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['alerts', 'deliveries', 'silences', 'evaluation_queue', 'pump_evaluations'] LOOP
        EXECUTE format('CREATE TRIGGER who_asks_may_act BEFORE INSERT OR UPDATE ON public.%I FOR EACH ROW '
                       'WHEN (coalesce(current_setting(''pumpwatch.person'', true), '''') <> '''' '
                       'OR coalesce(current_setting(''pumpwatch.key'', true), '''') <> '''') '
                       'EXECUTE FUNCTION web.refuse_who_may_not_act()', name);
    END LOOP;
END
$$;

-- In the trail stands whom the database knows to ask, whatever the caller says; and an alert stays with its clinic.
CREATE FUNCTION web.append_to_audit(
    clinic_ids text[], alert_ids uuid[], kinds text[], from_states text[], to_states text[], priorities text[],
    reasons text[], actors text[], at timestamptz, details text[])
RETURNS TABLE (alert_id uuid, clinic_seq bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT FROM unnest(clinic_ids, alert_ids) AS n (clinic_id, alert_id)
               WHERE NOT web.acts_in(n.clinic_id)
                  OR NOT EXISTS (SELECT FROM alerts a WHERE a.alert_id = n.alert_id AND a.clinic_id = n.clinic_id)) THEN
        RAISE EXCEPTION 'who asks may not act in the clinic' USING ERRCODE = 'insufficient_privilege',
            DETAIL = format('expected a responder of the alert''s own clinic: %s', web.actor());
    END IF;
    RETURN QUERY SELECT t.alert_id, t.clinic_seq FROM public.append_to_audit(
        clinic_ids, alert_ids, kinds, from_states, to_states, priorities, reasons,
        array_fill(web.actor(), ARRAY[cardinality(alert_ids)]), at, details) t;
END
$$;

CREATE FUNCTION web.note_reads(at timestamptz, actor text, name text, clinic_ids text[], pump_ids text[])
RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT public.note_reads(at, web.actor(), name, array_agg(n.clinic_id), array_agg(n.pump_id))
    FROM unnest(clinic_ids, pump_ids) AS n (clinic_id, pump_id)
    WHERE web.actor() IS NOT NULL AND n.clinic_id = ANY ((SELECT web.clinics())::text[])
    HAVING count(*) > 0
$$;

-- What is asked before it is known who asks, and what the process itself needs: no patient stands in any of these.
CREATE VIEW web.clinics WITH (security_barrier) AS SELECT clinic_id FROM public.clinics;
CREATE VIEW web.clinic_policies WITH (security_barrier) AS
SELECT clinic_id, version, policy, changed_at, file, host FROM public.clinic_policies;
CREATE VIEW web.schema_migrations WITH (security_barrier) AS SELECT version FROM public.schema_migrations;
CREATE VIEW web.upkeep WITH (security_barrier) AS SELECT kind, name, done_until, overdue_since FROM public.upkeep;
CREATE VIEW web.worker_heartbeats WITH (security_barrier) AS SELECT worker_id, service, at FROM public.worker_heartbeats;
CREATE VIEW web.worker_states WITH (security_barrier) AS SELECT worker_id, warnings FROM public.worker_states;
CREATE VIEW web.api_keys WITH (security_barrier) AS
SELECT key_id, digest, clinic_id, scopes, name, expires_at, revoked_at, last_used_at FROM public.api_keys;
CREATE VIEW web.persons WITH (security_barrier) AS
SELECT person_id, name, sign_in, password_hash, set_up_digest, set_up_until, is_operator, disabled_at FROM public.persons;
CREATE VIEW web.person_roles WITH (security_barrier) AS SELECT person_id, clinic_id, role FROM public.person_roles;
CREATE VIEW web.sessions WITH (security_barrier) AS
SELECT digest, person_id, how, began_at, seen_at, expires_at, ended_at FROM public.sessions;

-- Whether the installation is well is told of all of it, to whoever asks: by counts, and by names of clinics. Both the worker and
-- the web process ask for these.
CREATE VIEW watch_status AS
SELECT (SELECT min(queued_at) FROM evaluation_queue) AS oldest_queued_at,
       (SELECT min(e.evaluated_at) FROM pump_evaluations e) AS oldest_evaluated_at,
       (SELECT count(*) FROM devices WHERE kind = 'pump' AND retired_at IS NULL) AS pumps,
       (SELECT count(*) FROM pump_evaluations WHERE failures > 0) AS unjudged,
       (SELECT max(at) FROM worker_heartbeats WHERE service = 'alerts') AS alerts_alive_at,
       (SELECT max(at) FROM worker_heartbeats WHERE service = 'ingest') AS ingest_alive_at;
CREATE VIEW clinics_with_pumps AS
SELECT clinic_id FROM clinics c
WHERE EXISTS (SELECT FROM devices d WHERE d.clinic_id = c.clinic_id AND d.kind = 'pump' AND d.retired_at IS NULL);
CREATE VIEW unreached_alerts AS
SELECT a.clinic_id, count(*) AS alerts
FROM alerts a
WHERE a.state = 'active'
  AND NOT EXISTS (SELECT FROM deliveries d WHERE d.alert_id = a.alert_id AND NOT d.follow_up
                    AND (d.state = 'sent' OR (d.state IN ('due', 'sending', 'grouped') AND d.last_error IS NULL)))
  AND (a.priority IN ('high', 'medium') OR EXISTS (SELECT FROM deliveries d WHERE d.alert_id = a.alert_id))
GROUP BY a.clinic_id;
COMMENT ON VIEW unreached_alerts IS
    'Active alerts of which somebody should have been told and nobody was: no try has worked, and nothing holds the pages.';

-- A function is everybody's unless it is taken away. Who owns the functions of `public` stays as it was.
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA web FROM PUBLIC;
