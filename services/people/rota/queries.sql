-- Rotas, what was changed in them, and who can be on call. Nothing is ever deleted: a rota has versions, a change is
-- withdrawn.

-- name: rotas
SELECT r.rota_id, r.clinic_id, r.name, v.version, v.timezone, v.layers::text AS layers, v.made_at, v.made_name
FROM rotas r
CROSS JOIN LATERAL (SELECT * FROM rota_versions w WHERE w.rota_id = r.rota_id ORDER BY w.version DESC LIMIT 1) v
WHERE r.removed_at IS NULL AND ($1::text IS NULL OR r.clinic_id = $1)
ORDER BY r.clinic_id, r.name;

-- name: rota_changes
-- What a change did before it was withdrawn stays as it was.
SELECT c.change_id, c.rota_id, c.kind, c.person_id, c.instead_of, c.begins, least(c.ends, c.withdrawn_at) AS ends,
       c.made_at, c.made_with, c.made_name
FROM rota_changes c JOIN rotas r USING (rota_id)
WHERE r.removed_at IS NULL AND ($1::text IS NULL OR r.clinic_id = $1)
  AND c.ends > $2 AND (c.withdrawn_at IS NULL OR c.withdrawn_at > c.begins)
ORDER BY c.made_at, c.change_id;

-- name: members
SELECT r.clinic_id, p.person_id, p.name, p.sign_in, r.role, p.disabled_at IS NOT NULL AS is_disabled
FROM person_roles r JOIN persons p USING (person_id)
WHERE $1::text IS NULL OR r.clinic_id = $1
ORDER BY r.clinic_id, p.name, p.person_id;

-- name: clinic_is_there
SELECT count(*) FROM clinics WHERE clinic_id = $1;

-- name: insert_rota
INSERT INTO rotas (clinic_id, name) VALUES ($1, $2)
ON CONFLICT (clinic_id, name) WHERE removed_at IS NULL DO NOTHING;

-- name: rota_named
SELECT r.rota_id, coalesce(max(v.version), 0) AS version
FROM rotas r LEFT JOIN rota_versions v USING (rota_id)
WHERE r.clinic_id = $1 AND r.name = $2 AND r.removed_at IS NULL
GROUP BY r.rota_id;

-- name: insert_version
-- Of two that were made from the same version the second finds nothing to do, and is told.
INSERT INTO rota_versions (rota_id, version, timezone, layers, made_at, made_by, made_name)
VALUES ($1, $2, $3, $4::jsonb, $5, $6, $7)
ON CONFLICT (rota_id, version) DO NOTHING
RETURNING version;

-- name: insert_change
INSERT INTO rota_changes
    (change_id, rota_id, kind, person_id, instead_of, begins, ends, made_with, made_at, made_by, made_name)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11);

-- name: withdraw_change
-- Both halves of a swap.
UPDATE rota_changes c
SET withdrawn_at = $3, withdrawn_by = $4, withdrawn_name = $5
FROM rotas r
WHERE r.rota_id = c.rota_id AND r.clinic_id = $1 AND $2 IN (c.change_id, c.made_with)
  AND c.withdrawn_at IS NULL AND c.ends > $3
RETURNING c.change_id;

-- name: remove_rota
UPDATE rotas SET removed_at = $3, removed_by = $4
WHERE clinic_id = $1 AND name = $2 AND removed_at IS NULL
RETURNING rota_id;

-- name: own_channels
SELECT person_id, name, url, verified_at, failing_since FROM person_channels ORDER BY person_id, position, name;
