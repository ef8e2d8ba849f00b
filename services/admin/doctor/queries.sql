-- What the doctor asks the database. Any login of a job may ask all of it.

-- name: clock
SELECT clock_timestamp();

-- name: logins_there
SELECT rolname::text AS login FROM pg_roles WHERE rolname = ANY ($1::text[]);

-- name: rights_missing
-- Of rights that stand in a file, those that are not held. A column of null: the whole table.
SELECT DISTINCT login || ': ' || privilege || ' on ' || relation AS missing
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) AS wanted (login, relation, column_name, privilege)
WHERE to_regclass(relation) IS NULL
   OR NOT CASE WHEN column_name IS NULL THEN has_table_privilege(login, to_regclass(relation)::oid, privilege)
               ELSE has_column_privilege(login, to_regclass(relation)::oid, column_name, privilege) END
ORDER BY 1;

-- name: sessions
SELECT DISTINCT a.application_name AS application, a.usename::text AS login, r.rolsuper AS is_superuser
FROM pg_stat_activity a JOIN pg_roles r ON r.rolname = a.usename
WHERE a.datname = current_database() AND a.application_name ~ '^pumpwatch-(ingest|alerts|web)'
ORDER BY 1, 2;
