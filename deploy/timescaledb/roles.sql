-- Who may log in, and to what. Run once, by the superuser, in the new database; nobody needs the superuser after.
--
--   owner    owns the schema: migrations, registering readers. Not a superuser.
--   ingest   writes events; alerts: writes alerts. Both through the group "service", which may read and change rows
--            of every table that the owner makes, and cannot change the schema, truncate, or switch a trigger off.
--   grafana  reads the views of the schema "dashboard", for the clinics that clinic_readers names.
--
-- psql variables: database, owner, service, ingest, alerts, grafana (names), and a password for each but the group.

CREATE ROLE :"service" NOLOGIN;
CREATE ROLE :"owner" LOGIN CREATEROLE PASSWORD :'owner_password';
CREATE ROLE :"ingest" LOGIN PASSWORD :'ingest_password' IN ROLE :"service";
CREATE ROLE :"alerts" LOGIN PASSWORD :'alerts_password' IN ROLE :"service";

-- The group that 0008_dashboard_views.sql grants to. The owner may make logins of further clinics members of it.
DO $$
BEGIN
    CREATE ROLE pumpwatch_reader NOLOGIN;
EXCEPTION WHEN duplicate_object THEN
    NULL;
END
$$;
GRANT pumpwatch_reader TO :"owner" WITH ADMIN TRUE, INHERIT FALSE, SET FALSE;

-- A dashboard asks small questions. One that is not small ends, and does not hold up ingest.
CREATE ROLE :"grafana" LOGIN PASSWORD :'grafana_password' IN ROLE pumpwatch_reader CONNECTION LIMIT 20;
ALTER ROLE :"grafana" SET statement_timeout = '30s';
ALTER ROLE :"grafana" SET default_transaction_read_only = on;
ALTER ROLE :"grafana" SET work_mem = '16MB';

CREATE EXTENSION IF NOT EXISTS timescaledb;
GRANT CREATE ON DATABASE :"database" TO :"owner";
ALTER SCHEMA public OWNER TO :"owner";
REVOKE CREATE ON SCHEMA public FROM PUBLIC;

ALTER DEFAULT PRIVILEGES FOR ROLE :"owner" IN SCHEMA public
    GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO :"service";
ALTER DEFAULT PRIVILEGES FOR ROLE :"owner" IN SCHEMA public
    GRANT USAGE, SELECT ON SEQUENCES TO :"service";
