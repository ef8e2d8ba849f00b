-- Rotas of clinics, and what was changed in them (docs/decisions/0039-a-rota-gives-one-person.md). All editions.
CREATE TABLE rotas (
    rota_id    uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    clinic_id  text NOT NULL REFERENCES clinics,
    name       text NOT NULL CHECK (name <> '' AND length(name) <= 60),
    removed_at timestamptz,
    removed_by text,
    CHECK ((removed_at IS NULL) = (removed_by IS NULL))
);
CREATE UNIQUE INDEX rotas_name ON rotas (clinic_id, name) WHERE removed_at IS NULL;
COMMENT ON TABLE rotas IS 'A name is of one rota at a time; a rota that is removed keeps its versions.';

CREATE TABLE rota_versions (
    rota_id   uuid NOT NULL REFERENCES rotas,
    version   integer NOT NULL CHECK (version >= 1),
    timezone  text NOT NULL,
    layers    jsonb NOT NULL CHECK (jsonb_typeof(layers) = 'array'),
    made_at   timestamptz NOT NULL,
    made_by   text NOT NULL,
    made_name text NOT NULL,
    PRIMARY KEY (rota_id, version)
);
COMMENT ON TABLE rota_versions IS 'What a rota said from made_at on; the highest version holds. Nothing is changed or deleted.';
COMMENT ON COLUMN rota_versions.layers IS 'As services/people/rota/model.py reads them; members are person_id.';
COMMENT ON COLUMN rota_versions.made_by IS 'The id of who made it, as in the audit trail; made_name is what people called them then.';

CREATE TABLE rota_changes (
    change_id      uuid PRIMARY KEY,
    rota_id        uuid NOT NULL REFERENCES rotas,
    kind           text NOT NULL CHECK (kind IN ('override', 'swap', 'absence')),
    person_id      uuid NOT NULL REFERENCES persons,
    instead_of     uuid REFERENCES persons CHECK (instead_of <> person_id),
    begins         timestamptz NOT NULL,
    ends           timestamptz NOT NULL CHECK (ends > begins),
    made_with      uuid,
    made_at        timestamptz NOT NULL,
    made_by        text NOT NULL,
    made_name      text NOT NULL,
    withdrawn_at   timestamptz,
    withdrawn_by   text,
    withdrawn_name text,
    CHECK ((kind = 'override') = (instead_of IS NULL)),
    CHECK ((withdrawn_at IS NULL) = (withdrawn_by IS NULL))
);
CREATE INDEX rota_changes_rota ON rota_changes (rota_id, ends);
COMMENT ON COLUMN rota_changes.withdrawn_at IS 'From then on it does not hold; what it did before then stays as it was.';
COMMENT ON COLUMN rota_changes.made_with IS 'The other half of a swap.';
