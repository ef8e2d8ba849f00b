-- Keys of programs. A row is never removed: it says who had a key, and until when.

-- name: make_key
INSERT INTO api_keys (key_id, digest, name, clinic_id, scopes, made_at, made_by, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8);

-- name: list_keys
SELECT key_id, name, clinic_id, scopes, made_at, made_by, expires_at, revoked_at, revoked_by, last_used_at FROM api_keys
WHERE ($1::text IS NULL OR clinic_id = $1)
ORDER BY made_at, key_id;

-- name: revoke_key
UPDATE api_keys SET revoked_at = $2, revoked_by = $3 WHERE key_id = $1 AND revoked_at IS NULL RETURNING name;

-- name: key_is_there
SELECT revoked_at FROM api_keys WHERE key_id = $1;

-- name: clinic_is_there
SELECT count(*) FROM clinics WHERE clinic_id = $1;
