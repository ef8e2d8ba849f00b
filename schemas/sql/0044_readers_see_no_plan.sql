-- What EXPLAIN shows of a reader's query ends at a function (docs/decisions/0032-no-plan-for-readers.md). All editions.
--
-- The views that read tables move to a schema that no reader may use. Under their old names there are views that call one
-- function each, in the owner's name: of what runs in there, EXPLAIN says how many rows came out, and nothing else. A query's
-- conditions stay outside of the function; what is much is asked for one pump, by a function of its own.
CREATE SCHEMA dashboard_private;

DO $$
DECLARE
    hidden constant text := 'LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp SET jit = off '
                            'SET debug_print_parse = off SET debug_print_rewritten = off SET debug_print_plan = off';
    name text;
BEGIN
    FOR name IN SELECT viewname FROM pg_views WHERE schemaname = 'dashboard' ORDER BY 1 LOOP
        EXECUTE format('ALTER VIEW dashboard.%I SET SCHEMA dashboard_private', name);
    END LOOP;
    FOR name IN SELECT viewname FROM pg_views WHERE schemaname = 'dashboard_private' ORDER BY 1 LOOP
        EXECUTE format('REVOKE ALL ON dashboard_private.%I FROM pumpwatch_reader', name);
        EXECUTE format('CREATE FUNCTION dashboard_private.%1$I() RETURNS SETOF dashboard_private.%1$I %2$s AS '
                       '$f$ BEGIN RETURN QUERY SELECT * FROM dashboard_private.%1$I; END $f$', name, hidden);
        EXECUTE format('REVOKE ALL ON FUNCTION dashboard_private.%I() FROM PUBLIC', name);
        EXECUTE format('GRANT EXECUTE ON FUNCTION dashboard_private.%I() TO pumpwatch_reader', name);
        EXECUTE format('CREATE VIEW dashboard.%1$I WITH (security_barrier) AS SELECT * FROM dashboard_private.%1$I()', name);
        EXECUTE format('GRANT SELECT ON dashboard.%I TO pumpwatch_reader', name);
    END LOOP;

    -- Of one pump, from a moment on by its own clock. A pump that the reader's clinics never had is not looked for.
    FOREACH name IN ARRAY ARRAY['alarms', 'boluses', 'boluses_daily', 'refills', 'reports', 'reservoir', 'statuses',
                                'therapies'] LOOP
        EXECUTE format('CREATE FUNCTION dashboard.%1$I(pump text, since timestamptz DEFAULT ''-infinity'') '
                       'RETURNS SETOF dashboard_private.%2$I %3$s SET plan_cache_mode = force_custom_plan AS $f$ BEGIN '
                       'IF dashboard_private.may_read(pump) THEN RETURN QUERY SELECT * FROM dashboard_private.%2$I v '
                       'WHERE v.pump_id = pump AND v."time" >= since; END IF; END $f$', name || '_of', name, hidden);
        EXECUTE format('REVOKE ALL ON FUNCTION dashboard.%I(text, timestamptz) FROM PUBLIC', name || '_of');
        EXECUTE format('GRANT EXECUTE ON FUNCTION dashboard.%I(text, timestamptz) TO pumpwatch_reader', name || '_of');
    END LOOP;
    FOREACH name IN ARRAY ARRAY['alerts', 'alert_transitions', 'pumps'] LOOP
        EXECUTE format('CREATE FUNCTION dashboard.%1$I(pump text) '
                       'RETURNS SETOF dashboard_private.%2$I %3$s SET plan_cache_mode = force_custom_plan AS $f$ BEGIN '
                       'IF dashboard_private.may_read(pump) THEN RETURN QUERY SELECT * FROM dashboard_private.%2$I v '
                       'WHERE v.pump_id = pump; END IF; END $f$', name || '_of', name, hidden);
        EXECUTE format('REVOKE ALL ON FUNCTION dashboard.%I(text) FROM PUBLIC', name || '_of');
        EXECUTE format('GRANT EXECUTE ON FUNCTION dashboard.%I(text) TO pumpwatch_reader', name || '_of');
    END LOOP;

    -- Of all pumps, what a condition of its own makes little: alerts that are not closed, dead letters from a moment on.
    EXECUTE format('CREATE FUNCTION dashboard.alerts_open() RETURNS SETOF dashboard_private.alerts %s AS $f$ BEGIN '
                   'RETURN QUERY SELECT * FROM dashboard_private.alerts a WHERE a.state <> ''closed''; END $f$', hidden);
    EXECUTE format('CREATE FUNCTION dashboard.dead_letters_since(since timestamptz) '
                   'RETURNS SETOF dashboard_private.dead_letters %s SET plan_cache_mode = force_custom_plan AS $f$ BEGIN '
                   'RETURN QUERY SELECT * FROM dashboard_private.dead_letters d WHERE d."time" >= since; END $f$', hidden);
    REVOKE ALL ON FUNCTION dashboard.alerts_open(), dashboard.dead_letters_since(timestamptz) FROM PUBLIC;
    GRANT EXECUTE ON FUNCTION dashboard.alerts_open(), dashboard.dead_letters_since(timestamptz) TO pumpwatch_reader;
END
$$;

-- It goes through the pumps of the reader's own clinics: whether there is such a pump elsewhere makes no difference.
CREATE FUNCTION dashboard_private.may_read(pump text) RETURNS boolean LANGUAGE sql STABLE
SET search_path = public, pg_temp AS $$
    SELECT EXISTS (SELECT FROM (SELECT m.pump_id FROM memberships m
                                WHERE m.clinic_id IN (SELECT clinic_id FROM readable_clinics) OFFSET 0) AS mine
                   WHERE mine.pump_id = pump)
$$;
REVOKE ALL ON FUNCTION dashboard_private.may_read(text) FROM PUBLIC;

COMMENT ON SCHEMA dashboard_private IS 'What the views of the schema dashboard read. No reader may use it.';
COMMENT ON VIEW dashboard.reservoir IS 'Levels of all pumps that the reader may see. Of one pump: dashboard.reservoir_of(pump, since).';
