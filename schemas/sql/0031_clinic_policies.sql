-- The last good policy of each clinic holds until a better one comes (docs/decisions/0020-the-last-good-policy-holds.md).
-- All editions; no row is rewritten.

CREATE TABLE clinic_policies (
    clinic_id  text PRIMARY KEY,
    version    text NOT NULL,
    policy     json,
    changed_at timestamptz NOT NULL,
    file       text NOT NULL,
    host       text NOT NULL,
    removed_by text,
    CHECK ((policy IS NULL) = (removed_by IS NOT NULL))
);
COMMENT ON TABLE clinic_policies IS
    'What each clinic''s policy file said when it was last good. clinic_id may be of no clinic yet, or "default".';
COMMENT ON COLUMN clinic_policies.policy IS
    'What the file sets, nothing else; addresses as they stand there: an env: name is not looked up. Null: removed.';
COMMENT ON COLUMN clinic_policies.changed_at IS 'When the file was changed, or the policy removed: the newest change holds.';

-- Which version came into use when, and who removed which. Append-only.
CREATE TABLE policy_changes (
    change_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    clinic_id text NOT NULL,
    at        timestamptz NOT NULL,
    what      text NOT NULL CHECK (what IN ('loaded', 'removed')),
    by        text NOT NULL,
    version   text NOT NULL,
    file      text NOT NULL,
    host      text NOT NULL
);
CREATE INDEX policy_changes_clinic ON policy_changes (clinic_id, at);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON policy_changes
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- What the policy folder of each alert worker's host has and lacks, so that hosts with different files are seen.
CREATE TABLE policy_folders (
    host      text NOT NULL,
    clinic_id text NOT NULL,
    fault     text,
    since     timestamptz NOT NULL,
    seen_at   timestamptz NOT NULL,
    PRIMARY KEY (host, clinic_id)
) WITH (fillfactor = 70);
CREATE INDEX policy_folders_clinic ON policy_folders (clinic_id);
COMMENT ON COLUMN policy_folders.fault IS 'Why the clinic''s file of that host is not used; null: it is.';
