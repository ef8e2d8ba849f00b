-- Who may log in, and to what. Run by the superuser in the new database; nobody needs the superuser after. It may be run
-- again, in an installation that has no login for a job yet or whose passwords have changed (docs/operating/upgrade.md).
--
--   owner    owns the schema: migrations, retention, registering readers. Not a superuser.
--   ingest   writes events; alerts: decides and pages; web: the board and its API. What each may do is made from the
--            statements that it runs (schemas/grants.sql), and `pumpwatch migrate` gives it. The group "service" is of
--            all three, and has no table.
--   grafana  reads the views of the schema "dashboard", for the clinics that clinic_readers names.
--
-- psql variables: database, owner, service, ingest, alerts, web, grafana (names), and a password for each but the group.
-- The names of ingest, alerts and web must be those of schemas/grants.sql.

SET client_min_messages = warning; -- when it is run again, much is there already
SET pumpwatch.owner = :'owner';
SET pumpwatch.service = :'service';
SET pumpwatch.ingest = :'ingest';
SET pumpwatch.alerts = :'alerts';
SET pumpwatch.web = :'web';
SET pumpwatch.grafana = :'grafana';
-- The group that 0008_dashboard_views.sql grants to. The owner may make logins of further clinics members of it.
SET pumpwatch.reader = 'pumpwatch_reader';
DO $$
DECLARE
    role text;
BEGIN
    FOREACH role IN ARRAY '{owner, service, ingest, alerts, web, grafana, reader}'::text[] LOOP
        BEGIN
            EXECUTE format('CREATE ROLE %I', current_setting('pumpwatch.' || role));
        EXCEPTION WHEN duplicate_object THEN
            NULL;
        END;
    END LOOP;
END
$$;

ALTER ROLE :"owner" LOGIN CREATEROLE PASSWORD :'owner_password';
ALTER ROLE :"ingest" LOGIN PASSWORD :'ingest_password';
ALTER ROLE :"alerts" LOGIN PASSWORD :'alerts_password';
ALTER ROLE :"web" LOGIN PASSWORD :'web_password';
GRANT :"service" TO :"ingest", :"alerts", :"web";
GRANT pumpwatch_reader TO :"owner" WITH ADMIN TRUE, INHERIT FALSE, SET FALSE;

-- A reader's transaction that stands in the way of a migration or a removal is ended (services/runtime/patience.py).
GRANT pg_signal_backend TO :"owner";
-- The last connections are kept for those who must not wait for one (reserved_connections in postgresql.conf).
GRANT pg_use_reserved_connections TO :"service", :"owner";

-- A dashboard asks small questions. One that is not small ends, and does not hold up ingest. What a login may set for itself
-- it may lift (docs/operating/grafana.md); its connections and its temporary files it may not.
ALTER ROLE :"grafana" LOGIN PASSWORD :'grafana_password' CONNECTION LIMIT 20;
GRANT pumpwatch_reader TO :"grafana";
ALTER ROLE :"grafana" SET statement_timeout = '30s';
ALTER ROLE :"grafana" SET idle_in_transaction_session_timeout = '30s';
ALTER ROLE :"grafana" SET default_transaction_read_only = on;
ALTER ROLE :"grafana" SET work_mem = '16MB';
ALTER ROLE :"grafana" SET temp_file_limit = '1GB';
-- So that the owner can set it for the logins of further clinics.
GRANT SET ON PARAMETER temp_file_limit TO :"owner";

CREATE EXTENSION IF NOT EXISTS timescaledb;
GRANT CREATE ON DATABASE :"database" TO :"owner";
ALTER SCHEMA public OWNER TO :"owner";
REVOKE CREATE ON SCHEMA public FROM PUBLIC;

-- What anybody who may connect can do by default, and nobody here needs: take advisory locks, fill the disk with temporary
-- tables, large objects or the write-ahead log, and occupy TimescaleDB's workers with jobs. Pumpwatch takes no advisory
-- lock; this is for what else uses this database. (What gives such locks back stays: drivers do it as they tidy up.)
REVOKE TEMPORARY ON DATABASE :"database" FROM PUBLIC;
GRANT TEMPORARY ON DATABASE :"database" TO :"owner";
REVOKE TEMPORARY ON DATABASE :"database" FROM :"service";
DO $$
DECLARE
    anybodys regprocedure;
BEGIN
    FOR anybodys IN
        SELECT oid FROM pg_proc
        WHERE has_function_privilege('public', oid, 'EXECUTE')
          AND (proname ~ '^pg_(try_)?advisory_(xact_)?lock(_shared)?$'
               OR proname IN ('lo_creat', 'lo_create', 'lo_from_bytea', 'lo_put', 'lowrite', 'lo_open',
                              'pg_logical_emit_message', 'add_job'))
    LOOP
        EXECUTE format('REVOKE EXECUTE ON ROUTINE %s FROM PUBLIC', anybodys);
    END LOOP;
END
$$;

