-- What an operator does by hand. The caller owns the transaction.

-- Dead letters --------------------------------------------------------------------------------------------------------
-- A dead letter is settled when a replay found or put its events in the tables. An event_index of -1 is the whole message.

-- name: recent_dead_letters
-- $1 device or null, $2 reason or null, $3 since or null, $4 settled or null, $5 how many.
SELECT dead_letter_id, first_received_at, last_received_at, times_received, topic,
       nullif(event_index, -1) AS event_index, device_id, event_id, reason, detail, replayed_at, replay_outcome
FROM dead_letters
WHERE ($1::text IS NULL OR device_id = $1)
  AND ($2::text IS NULL OR reason = $2)
  AND ($3::timestamptz IS NULL OR last_received_at >= $3)
  AND ($4::boolean IS NULL OR coalesce(replay_outcome IN ('stored', 'duplicate'), false) = $4)
ORDER BY last_received_at DESC, dead_letter_id DESC
LIMIT $5;

-- name: dead_letters_not_kept
-- $1 device or null, $2 since or null.
SELECT day, device_id, kept, not_kept, not_kept_bytes
FROM dead_letter_days
WHERE not_kept > 0 AND ($1::text IS NULL OR device_id = $1)
  AND ($2::timestamptz IS NULL OR day >= ($2 AT TIME ZONE 'UTC')::date)
ORDER BY day DESC, not_kept DESC, device_id
LIMIT $3;

-- name: dead_letter
SELECT dead_letter_id, first_received_at, last_received_at, times_received, topic,
       nullif(event_index, -1) AS event_index, device_id, event_id, reason, detail, replayed_at, replay_outcome, payload
FROM dead_letters
WHERE dead_letter_id = $1;

-- name: ids_in_order
-- Those of $1 that exist, in the order in which they came.
SELECT dead_letter_id FROM dead_letters WHERE dead_letter_id = ANY ($1::bigint[])
ORDER BY first_received_at, dead_letter_id;

-- name: unsettled_ids
-- $1 device or null, $2 reason or null.
SELECT dead_letter_id FROM dead_letters
WHERE ($1::text IS NULL OR device_id = $1) AND ($2::text IS NULL OR reason = $2)
  AND (replay_outcome IS NULL OR replay_outcome = 'rejected')
ORDER BY first_received_at, dead_letter_id;

-- name: mark_replayed
-- A dead letter that is settled stays settled.
UPDATE dead_letters
SET replayed_at = $2, replay_outcome = $3, reason = coalesce($4, reason), detail = coalesce($5, detail)
WHERE dead_letter_id = $1 AND (replay_outcome IS NULL OR replay_outcome = 'rejected');

-- name: keep_parts
-- Dead letters of their own for the events ($2 to $6) of a message that was rejected as a whole.
INSERT INTO dead_letters (digest, event_index, topic, device_id, event_id, payload, reason, detail,
                          first_received_at, last_received_at)
SELECT m.digest, p.event_index, m.topic, m.device_id, p.event_id, p.payload, p.reason, p.detail,
       m.first_received_at, m.last_received_at
FROM dead_letters m,
     unnest($2::int[], $3::uuid[], $4::bytea[], $5::text[], $6::text[])
         AS p (event_index, event_id, payload, reason, detail)
WHERE m.dead_letter_id = $1
ON CONFLICT (digest, event_index) DO NOTHING;

-- name: count_purgeable
-- $1 last received before, $2 also those that are not settled.
SELECT count(*) FROM dead_letters
WHERE last_received_at < $1 AND ($2 OR replay_outcome IN ('stored', 'duplicate'));

-- name: purge_dead_letters
DELETE FROM dead_letters
WHERE last_received_at < $1 AND ($2 OR replay_outcome IN ('stored', 'duplicate'));

-- name: purge_dead_letter_days
DELETE FROM dead_letter_days WHERE day < ($1::timestamptz AT TIME ZONE 'UTC')::date;

-- The fleet -----------------------------------------------------------------------------------------------------------

-- name: sequence_gaps
SELECT device_id, gap_from, gap_to, missing, observed_after, observed_before
FROM sequence_gaps($1)
WHERE $2::text IS NULL OR device_id = $2
ORDER BY device_id, gap_from, observed_after
LIMIT $3;

-- name: clocks_off
SELECT device_id, kind, clinic_id, measured_at, clock_offset_seconds
FROM device_clocks
WHERE abs(clock_offset_seconds) > $1
ORDER BY abs(clock_offset_seconds) DESC
LIMIT $2;

-- Clinics ------------------------------------------------------------------------------------------------------------

-- name: clinic_ids
SELECT clinic_id FROM clinics ORDER BY clinic_id;

-- Retention: {table} is one of RETAINED in services/admin/retention.py -------------------------------------------------

-- name: set_lock_timeout
-- For this session.
SELECT set_config('lock_timeout', $1, false);

-- name: reset_lock_timeout
RESET lock_timeout;

-- name: has_timescaledb
SELECT EXISTS (SELECT FROM pg_extension WHERE extname = 'timescaledb');

-- name: is_hypertable
SELECT EXISTS (SELECT FROM timescaledb_information.hypertables WHERE hypertable_name = $1);

-- name: end_of_droppable
-- The end of the newest chunk that lies wholly before $2.
SELECT max(range_end) FROM timescaledb_information.chunks WHERE hypertable_name = $1 AND range_end <= $2;

-- name: droppable_ends
-- The ends of the chunks that lie wholly before $2, oldest first: each is dropped by itself.
SELECT DISTINCT range_end FROM timescaledb_information.chunks WHERE hypertable_name = $1 AND range_end <= $2 ORDER BY 1;

-- name: count_before
SELECT count(*) FROM {table} WHERE observed_at < $1;

-- name: drop_chunks
SELECT count(*) FROM drop_chunks($1::text::regclass, older_than => $2::timestamptz);

-- name: pump_ids
SELECT device_id FROM devices WHERE kind = 'pump' ORDER BY device_id;

-- name: delete_before
-- By the key (pump, time), so that it reads what it removes and nothing else.
DELETE FROM {table} WHERE pump_id = ANY ($1::text[]) AND observed_at < $2;
