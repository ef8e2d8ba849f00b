-- A person's own channels. No statement of a page reads an address.

-- name: channels_of
SELECT c.channel_id, c.name, c.shown, c.rings, c.verified_at, c.last_sent_at, c.failing_since, c.last_error, c.proven_at,
       drill.ended_at AS drill_sent_at, c.code_until
FROM person_channels c
LEFT JOIN LATERAL (
    SELECT m.ended_at, m.answered_at FROM channel_messages m
    WHERE m.channel_id = c.channel_id AND m.purpose = 'drill' AND m.ended_at IS NOT NULL ORDER BY m.due_at DESC LIMIT 1) drill
    ON drill.answered_at IS NULL
WHERE c.person_id = $1 ORDER BY c.position, c.name;

-- name: hold_person
-- Changes of one person's channels come one after another.
SELECT pg_advisory_xact_lock(hashtextextended('channels of ' || $1::uuid::text, 0));

-- name: is_enabled
SELECT count(*) FROM persons WHERE person_id = $1 AND disabled_at IS NULL;

-- name: add_channel
INSERT INTO person_channels (person_id, position, name, url, shown, rings, made_at)
SELECT $1, coalesce(max(position), 0) + 1, $2, $3, $4, $5, $6 FROM person_channels WHERE person_id = $1
RETURNING channel_id;

-- name: order_channels
UPDATE person_channels c SET position = n.position
FROM unnest($2::uuid[]) WITH ORDINALITY AS n (channel_id, position)
WHERE c.channel_id = n.channel_id AND c.person_id = $1;

-- name: remove_channel
DELETE FROM person_channels WHERE channel_id = $2 AND person_id = $1 RETURNING name;

-- name: try_code
-- One try of the code that was sent over a channel; no row: it is not that person's, or it was tried too often ($3).
UPDATE person_channels SET code_tries = code_tries + 1
WHERE channel_id = $2 AND person_id = $1 AND code_tries < $3
RETURNING code_digest, code_until;

-- name: set_verified
UPDATE person_channels SET verified_at = $2, code_digest = NULL, code_until = NULL, code_tries = 0 WHERE channel_id = $1;

-- name: ask
-- What is to be sent; what was asked for before stays as it is.
INSERT INTO channel_messages (channel_id, purpose, episode, about, asked_at, due_at) VALUES ($1, $2, $3, $4, $5, $5)
ON CONFLICT DO NOTHING RETURNING message_id;

-- name: count_asked
-- Codes and tests that a person asked for since $2.
SELECT count(*) FROM channel_messages m JOIN person_channels c USING (channel_id)
WHERE c.person_id = $1 AND m.purpose IN ('code', 'test') AND m.asked_at > $2;

-- name: is_verified
SELECT verified_at IS NOT NULL FROM person_channels WHERE channel_id = $2 AND person_id = $1;

-- name: answer
SELECT hear_drill($1, $2, $3);

-- name: drill_asked
SELECT drill_asked($1, $2);

-- name: hours_of
SELECT timezone, drill_weekday, drill_at, quiet_begins, quiet_ends FROM person_hours WHERE person_id = $1;

-- name: set_hours
INSERT INTO person_hours (person_id, timezone, drill_weekday, drill_at, quiet_begins, quiet_ends) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (person_id) DO UPDATE
SET timezone = EXCLUDED.timezone, drill_weekday = EXCLUDED.drill_weekday, drill_at = EXCLUDED.drill_at,
    quiet_begins = EXCLUDED.quiet_begins, quiet_ends = EXCLUDED.quiet_ends;
