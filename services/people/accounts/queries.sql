-- Persons with local accounts, and roles. A person is never deleted: who left is disabled.

-- name: account
-- Of a sign-in name: what its password is compared with.
SELECT person_id, name, password_hash, disabled_at FROM persons WHERE sign_in = $1;

-- name: account_by_code
-- Of a set-up code by its digest, if it is good at $2.
SELECT person_id, name, sign_in FROM persons
WHERE set_up_digest = $1 AND set_up_until > $2 AND disabled_at IS NULL AND sign_in IS NOT NULL;

-- name: person
SELECT p.person_id, p.name, p.sign_in, p.is_operator, p.password_hash,
       (SELECT coalesce(jsonb_object_agg(r.clinic_id, r.role), '{}') FROM person_roles r WHERE r.person_id = p.person_id) AS roles
FROM persons p WHERE p.person_id = $1 AND p.disabled_at IS NULL;

-- name: set_password
-- A set-up code is good once.
UPDATE persons SET password_hash = $2, set_up_digest = NULL, set_up_until = NULL WHERE person_id = $1;

-- name: set_password_by_code
UPDATE persons SET password_hash = $3, set_up_digest = NULL, set_up_until = NULL
WHERE set_up_digest = $1 AND set_up_until > $2 AND disabled_at IS NULL RETURNING person_id;

-- name: make_person
INSERT INTO persons (name, sign_in, set_up_digest, set_up_until, is_operator, made_at, made_by)
VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (sign_in) DO NOTHING RETURNING person_id;

-- name: list_persons
SELECT p.person_id, p.name, p.sign_in, p.is_operator, p.made_at, p.disabled_at, p.password_hash IS NOT NULL AS has_password,
       p.oidc_subject IS NOT NULL AS by_provider, p.set_up_until,
       (SELECT coalesce(jsonb_object_agg(r.clinic_id, r.role), '{}') FROM person_roles r WHERE r.person_id = p.person_id) AS roles,
       (SELECT max(s.seen_at) FROM sessions s WHERE s.person_id = p.person_id) AS seen_at
FROM persons p ORDER BY p.sign_in, p.made_at;

-- name: reset_person
UPDATE persons SET password_hash = NULL, set_up_digest = $2, set_up_until = $3 WHERE person_id = $1;

-- name: disable_person
UPDATE persons SET disabled_at = $2, disabled_by = $3, set_up_digest = NULL, set_up_until = NULL
WHERE person_id = $1 AND disabled_at IS NULL RETURNING name;

-- name: enable_person
UPDATE persons SET disabled_at = NULL, disabled_by = NULL WHERE person_id = $1 AND disabled_at IS NOT NULL RETURNING name;

-- name: give_role
INSERT INTO person_roles (person_id, clinic_id, role, given_at, given_by) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (person_id, clinic_id) DO UPDATE SET role = EXCLUDED.role, given_at = EXCLUDED.given_at, given_by = EXCLUDED.given_by;

-- name: take_role
DELETE FROM person_roles WHERE person_id = $1 AND clinic_id = $2 RETURNING role;

-- name: clinics
SELECT clinic_id FROM clinics ORDER BY clinic_id;

-- name: is_there
SELECT person_id FROM persons WHERE sign_in = $1;
