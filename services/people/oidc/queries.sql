-- Persons who sign in by an identity provider, the roles that their groups give, and their sessions.

-- name: find
-- Of a provider's issuer $1 and its name of somebody $2. The row is kept for this transaction.
SELECT person_id, name, is_operator, disabled_at FROM persons WHERE oidc_issuer = $1 AND oidc_subject = $2 FOR UPDATE;

-- name: make
-- Null: somebody has that sign-in name, or was made by another sign-in just now.
INSERT INTO persons (name, sign_in, oidc_issuer, oidc_subject, made_at, made_by) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT DO NOTHING RETURNING person_id;

-- name: link
UPDATE persons SET oidc_issuer = $2, oidc_subject = $3 WHERE person_id = $1;

-- name: roles
SELECT clinic_id, role, given_by FROM person_roles WHERE person_id = $1;

-- name: keep_session
-- Of a nonce once.
INSERT INTO oidc_sessions (digest, nonce_digest, provider_session) VALUES ($1, $2, $3)
ON CONFLICT DO NOTHING RETURNING digest;

-- name: is_by_provider
SELECT EXISTS (SELECT FROM oidc_sessions WHERE digest = $1);
