-- The certificates by which devices log in at the broker (docs/decisions/0029-certificates.md). All editions.

CREATE TABLE certificates (
    certificate_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    device_id   text NOT NULL REFERENCES devices,
    serial      text NOT NULL CHECK (serial ~ '^[0-9a-f]{1,40}$'),
    issuer      text NOT NULL,
    fingerprint text NOT NULL UNIQUE CHECK (fingerprint ~ '^[0-9a-f]{64}$'),
    not_before  timestamptz NOT NULL,
    not_after   timestamptz NOT NULL CHECK (not_after > not_before),
    source      text NOT NULL CHECK (source IN ('issued', 'registered')),
    entered_at  timestamptz NOT NULL,
    entered_by  text NOT NULL CHECK (entered_by <> ''),
    login       text NOT NULL DEFAULT session_user,
    revoked_at  timestamptz,
    revoked_by  text,
    reason      text,
    UNIQUE (issuer, serial),
    CHECK (num_nulls(revoked_at, revoked_by, reason) IN (0, 3))
);
CREATE INDEX certificates_device ON certificates (device_id, not_after DESC);
CREATE INDEX certificates_in_use ON certificates (not_after) WHERE revoked_at IS NULL;
COMMENT ON COLUMN certificates.issuer IS 'The identifier of the key that signed it.';
COMMENT ON COLUMN certificates.fingerprint IS 'SHA-256 of the certificate.';
COMMENT ON COLUMN certificates.source IS '"issued": signed by Pumpwatch''s own authority; "registered": by the site''s, and taken in.';
COMMENT ON COLUMN certificates.entered_at IS 'When it was issued or taken in, and by whom.';

-- What was issued stays as it was written down; only a revocation is added, and is never taken back.
CREATE FUNCTION keep_certificate() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.revoked_at IS NOT NULL
       OR (to_jsonb(NEW) - '{revoked_at,revoked_by,reason}'::text[])
          IS DISTINCT FROM (to_jsonb(OLD) - '{revoked_at,revoked_by,reason}'::text[]) THEN
        RAISE EXCEPTION 'a certificate stays as it was written down, and a revocation is not taken back';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER keep_certificate BEFORE UPDATE ON certificates FOR EACH ROW EXECUTE FUNCTION keep_certificate();
CREATE TRIGGER append_only BEFORE DELETE OR TRUNCATE ON certificates
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
