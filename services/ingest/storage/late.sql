-- Messages that wait in the database for a lock.

-- name: limit_lock_waits
-- For this transaction. In milliseconds.
SELECT set_config('lock_timeout', $1::text, true);

-- name: keep_late_messages
INSERT INTO late_messages (received_at, topic, payload, response_topic, correlation_data, events_stored)
SELECT $1::timestamptz, topic, payload, response_topic, correlation_data, events_stored
FROM unnest($2::text[], $3::bytea[], $4::text[], $5::bytea[], $6::int[])
    AS u (topic, payload, response_topic, correlation_data, events_stored);

-- name: take_late_messages
-- Those that were not tried just now, and that nobody else has in hand.
SELECT late_message_id, received_at, topic, payload, response_topic, correlation_data, events_stored
FROM late_messages
WHERE tried_at < clock_timestamp() - $1::interval
ORDER BY tried_at, late_message_id
LIMIT $2
FOR UPDATE SKIP LOCKED;

-- name: leave_late_messages
-- They still wait; $2 more of their events are stored.
UPDATE late_messages AS l
SET tried_at = clock_timestamp(), events_stored = l.events_stored + u.more
FROM unnest($1::bigint[], $2::int[]) AS u (late_message_id, more)
WHERE l.late_message_id = u.late_message_id;

-- name: forget_late_messages
DELETE FROM late_messages WHERE late_message_id = ANY ($1::bigint[]);

-- name: oldest_late_seconds
-- NULL: none waits.
SELECT extract(epoch FROM clock_timestamp() - min(received_at))::float8 FROM late_messages;
