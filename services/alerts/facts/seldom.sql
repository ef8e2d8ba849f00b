-- What is asked after `facts`, and of few pumps only.

-- name: told_requests
-- The same requests of the pumps $1, which several devices may have told, with the device of each.
SELECT pump_id, date_part('epoch', judged_at(observed_at, received_at)) AS at, outcome, device_id
FROM bolus_requests
WHERE pump_id = ANY ($1::text[]) AND observed_at > $2::timestamptz - $4::integer * interval '24 hours'
  AND received_at > $2::timestamptz - $4::integer * interval '24 hours'
  AND received_at <= coalesce($3::timestamptz, 'infinity');

-- name: heard_by_readings
-- Which of the windows $2 of the pumps $1 (pairs; windows of 24 hours back from $3, 0 the newest) hold a reading that had
-- been received by $4 and is not from before $5 (seconds since 1970, for each pair). The bound of two days more is for the
-- index: nothing is dated so far ahead (INGEST_CLOCK_AHEAD_HOURS).
SELECT w.pump_id, w.position
FROM unnest($1::text[], $2::integer[], $5::float8[]) AS w (pump_id, position, since)
WHERE EXISTS (
    SELECT FROM reservoir_readings e
    WHERE e.pump_id = w.pump_id AND e.observed_at > $3::timestamptz - (w.position + 1) * interval '24 hours'
      AND e.received_at > $3::timestamptz - (w.position + 1) * interval '24 hours'
      AND (w.position = 0
           OR e.observed_at <= $3::timestamptz - (w.position - 2) * interval '24 hours'
           AND judged_at(e.observed_at, e.received_at) <= $3::timestamptz - w.position * interval '24 hours')
      AND date_part('epoch', judged_at(e.observed_at, e.received_at)) >= w.since
      AND e.received_at <= coalesce($4::timestamptz, 'infinity'));
