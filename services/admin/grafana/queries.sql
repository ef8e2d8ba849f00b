-- Logins by which dashboards of one clinic read. Run by the owner of the schema.

-- name: clinics
SELECT clinic_id FROM clinics ORDER BY clinic_id;

-- name: login_statements
-- What makes the login, or makes it so again: a name cannot be a parameter of these, and is quoted here. $1: the login,
-- $2: its password. Its limits are those of pumpwatch_grafana (deploy/timescaledb/roles.sql).
SELECT statement FROM (VALUES
    (1, CASE WHEN NOT EXISTS (SELECT FROM pg_roles WHERE rolname = $1) THEN format('CREATE ROLE %I', $1::text) END),
    (2, format('ALTER ROLE %I LOGIN PASSWORD %L CONNECTION LIMIT 20', $1::text, $2::text)),
    (3, format('GRANT pumpwatch_reader TO %I', $1::text))
) AS s (place, statement) WHERE statement IS NOT NULL ORDER BY place;

-- name: limit_statements
-- A managed database may refuse one of these; no page depends on it.
SELECT format('ALTER ROLE %I SET %I = %L', $1::text, name, value) AS statement FROM (VALUES
    ('statement_timeout', '30s'),
    ('idle_in_transaction_session_timeout', '30s'),
    ('default_transaction_read_only', 'on'),
    ('work_mem', '16MB'),
    ('temp_file_limit', '1GB')
) AS l (name, value);

-- name: reads_one_clinic
WITH others AS (DELETE FROM clinic_readers WHERE role_name = $1 AND clinic_id IS DISTINCT FROM $2::text)
INSERT INTO clinic_readers (role_name, clinic_id) VALUES ($1, $2) ON CONFLICT DO NOTHING;

-- name: reads_nothing
DELETE FROM clinic_readers WHERE role_name = $1 RETURNING role_name;
