-- Who can be told, as the pages of who is on call read it.

-- name: channel_states
-- Of persons of the clinics of who asks: whether a channel works, and never its address.
SELECT person_id, name, kind, verified_at, failing_since FROM channel_states ORDER BY person_id, position, name;

-- name: sees_clinic
-- By the database's own word, whatever a handler believes.
SELECT $1::text = ANY (web.clinics());
