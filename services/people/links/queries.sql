-- Links by which a person answers a page without signing in.

-- name: receivers
-- Who may act in which clinic.
SELECT r.clinic_id, p.person_id, p.sign_in
FROM persons p JOIN person_roles r USING (person_id)
WHERE p.disabled_at IS NULL AND r.role IN ('responder', 'administrator');

-- name: insert_answer
-- A page has one link, which is used once.
INSERT INTO link_answers (delivery_id, purpose, about, person_id, given_at, taken_at) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (delivery_id) DO NOTHING RETURNING delivery_id;

-- name: settle_answer
UPDATE link_answers SET alert_id = $2, outcome = $3, settled_at = $4 WHERE delivery_id = $1;

-- name: answer_of
SELECT delivery_id, purpose, about, person_id, given_at, alert_id, settled_at, outcome FROM link_answers WHERE delivery_id = $1;

-- name: waiting_answers
SELECT delivery_id, purpose, about, person_id, given_at, alert_id, settled_at, outcome FROM link_answers
WHERE settled_at IS NULL ORDER BY given_at LIMIT 100 FOR UPDATE SKIP LOCKED;

-- name: some_wait
SELECT EXISTS (SELECT FROM link_answers WHERE settled_at IS NULL);
