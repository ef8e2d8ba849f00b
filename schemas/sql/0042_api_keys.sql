-- Keys of programs (docs/decisions/0030-programs-have-keys.md), and what their reading needs.
CREATE TABLE api_keys (
    key_id       text PRIMARY KEY CHECK (key_id ~ '^[a-z0-9]{12}$'),
    digest       bytea NOT NULL CHECK (length(digest) = 32),
    name         text NOT NULL,
    clinic_id    text REFERENCES clinics,
    scopes       text[] NOT NULL CHECK (cardinality(scopes) > 0),
    made_at      timestamptz NOT NULL,
    made_by      text NOT NULL,
    expires_at   timestamptz NOT NULL CHECK (expires_at > made_at),
    revoked_at   timestamptz,
    revoked_by   text,
    last_used_at timestamptz
);
COMMENT ON TABLE api_keys IS 'What programs show. The key itself is nowhere: its SHA-256 is.';
COMMENT ON COLUMN api_keys.clinic_id IS 'The clinic that it reads; null: every clinic of the installation.';

-- A device's id as FHIR takes ids: 1 to 64 of A-Z a-z 0-9 - . (services/alerts/web/fhir/ids.py says the same).
CREATE FUNCTION fhir_id(device_id text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN device_id ~ '^[A-Za-z0-9.-]{1,48}$' AND device_id NOT LIKE 'x-%' THEN device_id
                ELSE 'x-' || left(encode(sha256(convert_to(device_id, 'UTF8')), 'hex'), 40) END
$$;

CREATE INDEX deliveries_created ON deliveries (created_at, delivery_id);
