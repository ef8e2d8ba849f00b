-- What was rejected, as ingest keeps it: the same bytes again raise a count, and each device has a quota for each day.

-- name: known_dead_letters
-- Which of these are kept already; `place` counts from 1.
SELECT place
FROM unnest($1::bytea[], $2::int[]) WITH ORDINALITY AS u (digest, event_index, place)
WHERE EXISTS (SELECT FROM dead_letters l WHERE l.digest = u.digest AND l.event_index = u.event_index);

-- name: dead_letters_of_day
SELECT device_id, kept, kept_bytes FROM dead_letter_days WHERE day = $1 AND device_id = ANY ($2::text[]);

-- name: insert_dead_letters
INSERT INTO dead_letters AS l (digest, event_index, topic, device_id, event_id, payload, reason, detail, times_received,
                               first_received_at, last_received_at)
SELECT *, $1::timestamptz, $1::timestamptz
FROM unnest($2::bytea[], $3::int[], $4::text[], $5::text[], $6::uuid[], $7::bytea[], $8::text[], $9::text[], $10::int[])
ON CONFLICT (digest, event_index) DO UPDATE
SET times_received = l.times_received + EXCLUDED.times_received,
    last_received_at = EXCLUDED.last_received_at,
    reason = EXCLUDED.reason,
    detail = EXCLUDED.detail;

-- Last of the dead letters' statements: another batch may want the same row, and waits for the commit.
-- name: count_dead_letters
INSERT INTO dead_letter_days AS d (day, device_id, kept, kept_bytes, not_kept, not_kept_bytes)
SELECT $1::date, device_id, kept, kept_bytes, not_kept, not_kept_bytes
FROM unnest($2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[])
    AS u (device_id, kept, kept_bytes, not_kept, not_kept_bytes)
ORDER BY device_id
ON CONFLICT (day, device_id) DO UPDATE
SET kept = d.kept + EXCLUDED.kept,
    kept_bytes = d.kept_bytes + EXCLUDED.kept_bytes,
    not_kept = d.not_kept + EXCLUDED.not_kept,
    not_kept_bytes = d.not_kept_bytes + EXCLUDED.not_kept_bytes;
