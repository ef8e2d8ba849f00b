-- What a worker sends over persons' own channels, and what came of it and of pages.

-- name: claim
-- The oldest message that is due at $1, held until $2. One whose sender died is due again when its time is up.
WITH picked AS (
    SELECT m.message_id FROM channel_messages m
    WHERE m.ended_at IS NULL AND m.due_at <= $1 AND (m.claimed_until IS NULL OR m.claimed_until < $1)
    ORDER BY m.due_at LIMIT 1 FOR UPDATE SKIP LOCKED)
UPDATE channel_messages m SET claimed_until = $2, attempts = attempts + 1
FROM picked, person_channels c, persons p
WHERE m.message_id = picked.message_id AND c.channel_id = m.channel_id AND p.person_id = c.person_id
RETURNING m.message_id, m.channel_id, m.purpose, m.about, m.attempts, m.asked_at, c.person_id, c.name, c.url,
          c.verified_at IS NOT NULL AS verified, p.disabled_at IS NOT NULL AS disabled,
          ARRAY(SELECT r.clinic_id FROM person_roles r WHERE r.person_id = p.person_id ORDER BY 1) AS clinics;

-- name: keep_code
UPDATE person_channels SET code_digest = $2, code_until = $3, code_tries = 0 WHERE channel_id = $1;

-- name: keep_link
UPDATE channel_messages SET answer_digest = $2 WHERE message_id = $1;

-- name: end_message
-- It went out ($3 null), or it will not.
UPDATE channel_messages SET ended_at = $2::timestamptz, sent_at = CASE WHEN $3::text IS NULL THEN $2::timestamptz END, error = $3, claimed_until = NULL
WHERE message_id = $1;

-- name: retry_message
UPDATE channel_messages SET due_at = $2, error = $3, claimed_until = NULL WHERE message_id = $1;

-- name: note_outcome
-- What came of the last thing that was sent to an address ($3 null: it went out); whoever gave it, and is told by it.
UPDATE person_channels
SET last_sent_at = CASE WHEN $3::text IS NULL THEN $2::timestamptz ELSE last_sent_at END,
    failing_since = CASE WHEN $3::text IS NOT NULL THEN coalesce(failing_since, $2::timestamptz) END,
    last_error = $3
WHERE url = $1 AND ($4::uuid IS NULL OR channel_id = $4);

-- name: quiet_hours_of
SELECT h.timezone, h.quiet_begins, h.quiet_ends FROM person_hours h JOIN persons p USING (person_id)
WHERE h.quiet_begins IS NOT NULL AND (p.sign_in = $1 OR p.person_id::text = $1);

-- name: asked_to_prove
-- Channels that are to prove that they ring: verified, and of somebody who answers for a clinic.
SELECT c.person_id, c.channel_id, c.name, c.shown, c.rings, c.verified_at, c.last_sent_at, c.failing_since, c.last_error,
       c.proven_at, drill.due_at AS last_due,
       CASE WHEN drill.answered_at IS NULL AND drill.ended_at IS NOT NULL THEN drill.ended_at END AS drill_sent_at,
       p.name AS person, h.timezone, h.drill_weekday, h.drill_at,
       ARRAY(SELECT r.clinic_id FROM person_roles r
             WHERE r.person_id = p.person_id AND r.role IN ('responder', 'administrator') ORDER BY 1) AS clinics
FROM person_channels c JOIN persons p USING (person_id) LEFT JOIN person_hours h USING (person_id)
LEFT JOIN LATERAL (
    SELECT m.due_at, m.ended_at, m.answered_at FROM channel_messages m
    WHERE m.channel_id = c.channel_id AND m.purpose = 'drill' ORDER BY m.episode DESC LIMIT 1) drill ON true
WHERE c.verified_at IS NOT NULL AND c.rings AND p.disabled_at IS NULL
  AND EXISTS (SELECT FROM person_roles r WHERE r.person_id = p.person_id AND r.role IN ('responder', 'administrator'))
ORDER BY c.person_id, c.position;

-- name: forget_messages
DELETE FROM channel_messages WHERE ended_at < $1;

-- name: verified_channels
SELECT c.channel_id, c.name FROM person_channels c WHERE c.person_id = $1 AND c.verified_at IS NOT NULL ORDER BY c.position, c.name;

-- name: person_of
SELECT person_id FROM persons WHERE (sign_in = $1 OR person_id::text = $1) AND disabled_at IS NULL;

-- name: outcome_of
SELECT c.name, m.ended_at, m.sent_at, m.error FROM channel_messages m JOIN person_channels c USING (channel_id)
WHERE m.message_id = ANY ($1::uuid[]) ORDER BY c.position, c.name;
