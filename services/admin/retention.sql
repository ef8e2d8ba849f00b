-- Removing old events. Only the dense kinds; {table} is one of RETAINED in retention.py.

-- name: try_lock
SELECT pg_try_advisory_lock($1);

-- name: unlock
SELECT pg_advisory_unlock($1);

-- name: is_hypertable
SELECT EXISTS (SELECT FROM timescaledb_information.hypertables WHERE hypertable_name = $1);

-- name: has_timescaledb
SELECT EXISTS (SELECT FROM pg_extension WHERE extname = 'timescaledb');

-- name: end_of_droppable
-- The end of the newest chunk that lies wholly before $2.
SELECT max(range_end) FROM timescaledb_information.chunks WHERE hypertable_name = $1 AND range_end <= $2;

-- name: count_before
SELECT count(*) FROM {table} WHERE observed_at < $1;

-- name: drop_chunks
SELECT count(*) FROM drop_chunks($1::text::regclass, older_than => $2::timestamptz);

-- name: pumps
SELECT device_id FROM devices WHERE kind = 'pump' ORDER BY device_id;

-- name: delete_before
-- By the key (pump, time), so that it reads what it removes and nothing else.
DELETE FROM {table} WHERE pump_id = ANY ($1::text[]) AND observed_at < $2;
