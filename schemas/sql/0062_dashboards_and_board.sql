-- Dashboards lead to the board, and say how long reservoirs last by what is programmed. All editions.
ALTER TABLE worker_states ADD COLUMN public_url text;
COMMENT ON COLUMN worker_states.public_url IS 'Where staff reach the board, as this worker was told (ALERTS_PUBLIC_URL).';

CREATE VIEW dashboard_private.board WITH (security_barrier) AS
SELECT r.clinic_id,
       coalesce((SELECT s.public_url FROM worker_states s JOIN worker_heartbeats h USING (worker_id)
                 WHERE s.public_url IS NOT NULL ORDER BY h.at DESC LIMIT 1), 'http://127.0.0.1:8081') AS url
FROM readable_clinics r;

-- What the therapy in force lets flow in a day, in mL: by its profile, and with every bolus of the limit.
CREATE VIEW dashboard_private.programmes WITH (security_barrier) AS
SELECT d.device_id AS pump_id, d.clinic_id, t.daily_ml,
       t.daily_ml + coalesce(t.bolus_ml * t.bolus_limit_per_24h, 0) AS most_daily_ml
FROM devices d
JOIN readable_clinics USING (clinic_id)
LEFT JOIN LATERAL (SELECT max(began_at) AS began_at FROM implantations WHERE pump_id = d.device_id AND began_at <= now()) i ON true
CROSS JOIN LATERAL (
    SELECT programmed_ml_per_day(profile) AS daily_ml, bolus_limit_per_24h,
           bolus_dose_mcg / nullif((drugs -> 0 ->> 'concentration_mcg_per_ml')::double precision, 0) AS bolus_ml
    FROM therapies given
    WHERE pump_id = d.device_id AND judged_at(observed_at, received_at) >= coalesce(i.began_at, '-infinity')
      AND NOT EXISTS (SELECT FROM therapies c WHERE c.pump_id = given.pump_id AND c.replaces = given.event_id
                      AND c.event_id <> given.event_id)
    ORDER BY judged_at(observed_at, received_at) DESC, received_at DESC, seq DESC NULLS LAST, event_id DESC LIMIT 1) t
WHERE d.kind = 'pump' AND d.retired_at IS NULL;

-- What became of each alert: when somebody first took it, whether anybody did anything, and whether it came back at once.
CREATE VIEW dashboard_private.alert_answers WITH (security_barrier) AS
SELECT a.alert_id, a.clinic_id, a.pump_id, a.rule, a.priority, a.state, a.opened_at, a.closed_at, t.taken_at, t.answered, t.flaps
FROM alerts a
CROSS JOIN LATERAL (
    SELECT min(at) FILTER (WHERE kind = 'acknowledged' OR reason IN ('person_resolved', 'person_accepted')) AS taken_at,
           coalesce(bool_or(kind IN ('acknowledged', 'commented', 'acted')
                            OR reason IN ('person_saw_it', 'person_resolved', 'person_accepted')), false) AS answered,
           count(*) FILTER (WHERE reason = 'condition_flapped') AS flaps
    FROM alert_transitions WHERE alert_id = a.alert_id) t
WHERE a.clinic_id IN (SELECT clinic_id FROM readable_clinics);

DO $$
DECLARE
    hidden constant text := 'LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp SET jit = off '
                            'SET debug_print_parse = off SET debug_print_rewritten = off SET debug_print_plan = off';
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['board', 'programmes'] LOOP
        EXECUTE format('CREATE FUNCTION dashboard_private.%1$I() RETURNS SETOF dashboard_private.%1$I %2$s AS '
                       '$f$ BEGIN RETURN QUERY SELECT * FROM dashboard_private.%1$I; END $f$', name, hidden);
        EXECUTE format('REVOKE ALL ON FUNCTION dashboard_private.%I() FROM PUBLIC', name);
        EXECUTE format('GRANT EXECUTE ON FUNCTION dashboard_private.%I() TO pumpwatch_reader', name);
        EXECUTE format('CREATE VIEW dashboard.%1$I WITH (security_barrier) AS SELECT * FROM dashboard_private.%1$I()', name);
        EXECUTE format('GRANT SELECT ON dashboard.%I TO pumpwatch_reader', name);
    END LOOP;
    EXECUTE format('CREATE FUNCTION dashboard.programmes_of(pump text) '
                   'RETURNS SETOF dashboard_private.programmes %s SET plan_cache_mode = force_custom_plan AS $f$ BEGIN '
                   'IF dashboard_private.may_read(pump) THEN RETURN QUERY SELECT * FROM dashboard_private.programmes v '
                   'WHERE v.pump_id = pump; END IF; END $f$', hidden);
    REVOKE ALL ON FUNCTION dashboard.programmes_of(text) FROM PUBLIC;
    GRANT EXECUTE ON FUNCTION dashboard.programmes_of(text) TO pumpwatch_reader;
    EXECUTE format('CREATE FUNCTION dashboard.alert_answers_between(since timestamptz, until timestamptz DEFAULT ''infinity'') '
                   'RETURNS SETOF dashboard_private.alert_answers %s SET plan_cache_mode = force_custom_plan AS $f$ BEGIN '
                   'RETURN QUERY SELECT * FROM dashboard_private.alert_answers a '
                   'WHERE a.opened_at >= since AND a.opened_at < until; END $f$', hidden);
    REVOKE ALL ON FUNCTION dashboard.alert_answers_between(timestamptz, timestamptz) FROM PUBLIC;
    GRANT EXECUTE ON FUNCTION dashboard.alert_answers_between(timestamptz, timestamptz) TO pumpwatch_reader;
END
$$;
COMMENT ON VIEW dashboard.board IS 'Where the alert board is, for links.';
COMMENT ON VIEW dashboard.programmes IS 'mL a day of the therapy in force: by its profile, and with every bolus of the limit.';
