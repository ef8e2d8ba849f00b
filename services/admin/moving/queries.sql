-- From one database into another. {table}, {columns}, {column} and {trigger} come from the catalogue, and are quoted there.

-- name: is_empty
SELECT NOT EXISTS (
    SELECT FROM pg_class c
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm')
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'));

-- name: schema_version
SELECT max(version) FROM schema_migrations;

-- name: tables
-- Every table of ours with its columns, but for the record of migrations, which each database has of its own.
SELECT quote_ident(c.relname) AS name,
       (SELECT array_agg(quote_ident(a.attname) ORDER BY a.attname) FROM pg_attribute a
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '') AS columns,
       (SELECT array_agg(DISTINCT quote_ident(r.relname)) FROM pg_constraint f JOIN pg_class r ON r.oid = f.confrelid
        WHERE f.conrelid = c.oid AND f.contype = 'f' AND f.confrelid <> c.oid) AS needs,
       (SELECT array_agg(quote_ident(t.tgname)) FROM pg_trigger t
        WHERE t.tgrelid = c.oid AND NOT t.tgisinternal AND t.tgname NOT LIKE 'ts\_%') AS triggers,
       (SELECT quote_ident(a.attname) FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attidentity <> '') AS numbered
FROM pg_class c
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND c.relname <> 'schema_migrations'
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
ORDER BY c.relname;

-- name: without_trigger
ALTER TABLE {table} DISABLE TRIGGER {trigger};

-- name: with_trigger
ALTER TABLE {table} ENABLE TRIGGER {trigger};

-- name: empty
DELETE FROM {table};

-- name: rows
SELECT {columns} FROM {table};

-- name: count
SELECT count(*) FROM {table};

-- name: number_on
-- The next number that is given is above every one that was copied.
SELECT setval(pg_get_serial_sequence('{table}', '{column}'), coalesce((SELECT max({column}) FROM {table}), 0) + 1, false);

-- name: has_rollup
SELECT EXISTS (SELECT FROM pg_extension WHERE extname = 'timescaledb')
   AND EXISTS (SELECT FROM pg_class WHERE relname LIKE '\_materialized\_hypertable\_%' AND relkind = 'r');

-- name: refresh_rollup
CALL refresh_continuous_aggregate('bolus_daily', NULL, NULL);

-- name: analyze
ANALYZE;
