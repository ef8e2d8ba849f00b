-- Browsers that are signed in. The token is in its cookie only; here is its digest.

-- name: begin
INSERT INTO sessions (digest, person_id, how, began_at, seen_at, expires_at) VALUES ($1, $2, $3, $4, $4, $5);

-- name: find
-- Whose session it is, if it is good at $2 and was used after $3.
SELECT s.seen_at, s.how, p.person_id, p.name, p.sign_in, p.is_operator,
       (SELECT coalesce(jsonb_object_agg(r.clinic_id, r.role), '{}') FROM person_roles r WHERE r.person_id = p.person_id) AS roles
FROM sessions s JOIN persons p USING (person_id)
WHERE s.digest = $1 AND s.ended_at IS NULL AND s.expires_at > $2 AND s.seen_at > $3 AND p.disabled_at IS NULL;

-- name: find_all
-- Of the sessions $1, those that are good at $2 and were used after $3.
SELECT s.digest, s.seen_at, p.person_id, p.name, p.sign_in, p.is_operator,
       (SELECT coalesce(jsonb_object_agg(r.clinic_id, r.role), '{}') FROM person_roles r WHERE r.person_id = p.person_id) AS roles
FROM sessions s JOIN persons p USING (person_id)
WHERE s.digest = ANY ($1::bytea[]) AND s.ended_at IS NULL AND s.expires_at > $2 AND s.seen_at > $3 AND p.disabled_at IS NULL;

-- name: seen_all
UPDATE sessions SET seen_at = $2 WHERE digest = ANY ($1::bytea[]) AND ended_at IS NULL;

-- name: seen
UPDATE sessions SET seen_at = $2 WHERE digest = $1 AND ended_at IS NULL;

-- name: end
UPDATE sessions SET ended_at = $2 WHERE digest = $1 AND ended_at IS NULL;

-- name: end_all
-- Of a person, but for the one with the digest $3.
UPDATE sessions SET ended_at = $2 WHERE person_id = $1 AND ended_at IS NULL AND digest <> $3;
