-- Persons, what each may do in which clinic, and their sessions (docs/decisions/0036-persons-act.md). All editions.
CREATE TABLE persons (
    person_id     uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    name          text NOT NULL CHECK (name <> ''),
    sign_in       text UNIQUE CHECK (sign_in ~ '^[a-z0-9][a-z0-9._@+-]{0,63}$'),
    password_hash text,
    set_up_digest bytea CHECK (length(set_up_digest) = 32),
    set_up_until  timestamptz,
    oidc_issuer   text,
    oidc_subject  text,
    is_operator   boolean NOT NULL DEFAULT false,
    made_at       timestamptz NOT NULL,
    made_by       text NOT NULL,
    disabled_at   timestamptz,
    disabled_by   text,
    UNIQUE (oidc_issuer, oidc_subject),
    CHECK ((oidc_issuer IS NULL) = (oidc_subject IS NULL)),
    CHECK ((set_up_digest IS NULL) = (set_up_until IS NULL)),
    CHECK (sign_in IS NOT NULL OR oidc_subject IS NOT NULL)
);
COMMENT ON TABLE persons IS 'Never deleted: the audit trail names them by person_id. Who left is disabled.';
COMMENT ON COLUMN persons.password_hash IS 'Argon2id, with its parameters. Null: signs in by the identity provider, or has yet to choose one.';
COMMENT ON COLUMN persons.set_up_digest IS 'SHA-256 of the code by which a person chooses a password, once, until set_up_until.';
COMMENT ON COLUMN persons.is_operator IS 'Runs the installation: sees its health, and no patient for that.';

CREATE TABLE person_roles (
    person_id uuid NOT NULL REFERENCES persons,
    clinic_id text NOT NULL REFERENCES clinics,
    role      text NOT NULL CHECK (role IN ('viewer', 'responder', 'administrator')),
    given_at  timestamptz NOT NULL,
    given_by  text NOT NULL,
    PRIMARY KEY (person_id, clinic_id)
);
CREATE INDEX person_roles_clinic ON person_roles (clinic_id);
COMMENT ON COLUMN person_roles.role IS 'Each may do what the one before may: read; act on alerts; people, rotas and channels.';

-- A browser that is signed in. The token itself is in its cookie only.
CREATE TABLE sessions (
    digest     bytea PRIMARY KEY CHECK (length(digest) = 32),
    person_id  uuid NOT NULL REFERENCES persons,
    how        text NOT NULL CHECK (how IN ('password', 'oidc')),
    began_at   timestamptz NOT NULL,
    seen_at    timestamptz NOT NULL,
    expires_at timestamptz NOT NULL CHECK (expires_at > began_at),
    ended_at   timestamptz
);
CREATE INDEX sessions_person ON sessions (person_id) WHERE ended_at IS NULL;
