-- Every statement that ingest runs. The parameters of insert_<kind> after the first are the columns of the rows that
-- services/ingest/messages/rows.py builds, in order; `observed` is in seconds since 1970.

-- name: insert_reservoir
INSERT INTO reservoir_readings (pump_id, observed_at, event_id, device_id, seq, volume_ml, basis, received_at)
SELECT pump_id, to_timestamp(observed), event_id, device_id, seq, volume_ml, basis, $1::timestamptz
FROM unnest($2::text[], $3::float8[], $4::uuid[], $5::text[], $6::bigint[], $7::float8[], $8::text[])
    AS u (pump_id, observed, event_id, device_id, seq, volume_ml, basis)
ON CONFLICT DO NOTHING;

-- name: insert_bolus
INSERT INTO bolus_requests (pump_id, observed_at, event_id, device_id, seq, outcome, dose_mcg, received_at)
SELECT pump_id, to_timestamp(observed), event_id, device_id, seq, outcome, dose_mcg, $1::timestamptz
FROM unnest($2::text[], $3::float8[], $4::uuid[], $5::text[], $6::bigint[], $7::text[], $8::float8[])
    AS u (pump_id, observed, event_id, device_id, seq, outcome, dose_mcg)
ON CONFLICT DO NOTHING;

-- name: insert_alarm
INSERT INTO pump_alarms (pump_id, observed_at, event_id, device_id, seq, code, state, detail, received_at)
SELECT pump_id, to_timestamp(observed), event_id, device_id, seq, code, state, detail, $1::timestamptz
FROM unnest($2::text[], $3::float8[], $4::uuid[], $5::text[], $6::bigint[], $7::text[], $8::text[], $9::text[])
    AS u (pump_id, observed, event_id, device_id, seq, code, state, detail)
ON CONFLICT DO NOTHING;

-- name: insert_therapy
INSERT INTO therapies (pump_id, observed_at, event_id, device_id, seq, drugs, profile, bolus_dose_mcg,
    bolus_lockout_minutes, bolus_limit_per_24h, reservoir_size_ml, low_reservoir_ml, refill_due, replaces, received_at)
SELECT pump_id, to_timestamp(observed), event_id, device_id, seq, drugs, profile, bolus_dose_mcg,
    bolus_lockout_minutes, bolus_limit_per_24h, reservoir_size_ml, low_reservoir_ml, refill_due, replaces, $1::timestamptz
FROM unnest($2::text[], $3::float8[], $4::uuid[], $5::text[], $6::bigint[], $7::jsonb[], $8::jsonb[], $9::float8[],
    $10::int[], $11::int[], $12::float8[], $13::float8[], $14::date[], $15::uuid[])
    AS u (pump_id, observed, event_id, device_id, seq, drugs, profile, bolus_dose_mcg, bolus_lockout_minutes,
    bolus_limit_per_24h, reservoir_size_ml, low_reservoir_ml, refill_due, replaces)
ON CONFLICT DO NOTHING;

-- name: insert_refill
INSERT INTO refills (pump_id, observed_at, event_id, device_id, seq, expected_ml, measured_ml, filled_ml, replaces,
    received_at)
SELECT pump_id, to_timestamp(observed), event_id, device_id, seq, expected_ml, measured_ml, filled_ml, replaces,
    $1::timestamptz
FROM unnest($2::text[], $3::float8[], $4::uuid[], $5::text[], $6::bigint[], $7::float8[], $8::float8[], $9::float8[],
    $10::uuid[])
    AS u (pump_id, observed, event_id, device_id, seq, expected_ml, measured_ml, filled_ml, replaces)
ON CONFLICT DO NOTHING;

-- name: insert_status
INSERT INTO device_statuses (pump_id, observed_at, event_id, device_id, seq, battery_percent, firmware,
    end_of_service, received_at)
SELECT pump_id, to_timestamp(observed), event_id, device_id, seq, battery_percent, firmware, end_of_service, $1::timestamptz
FROM unnest($2::text[], $3::float8[], $4::uuid[], $5::text[], $6::bigint[], $7::float8[], $8::text[], $9::date[])
    AS u (pump_id, observed, event_id, device_id, seq, battery_percent, firmware, end_of_service)
ON CONFLICT DO NOTHING;

-- name: insert_report
INSERT INTO patient_reports (pump_id, observed_at, event_id, device_id, seq, complaint, score, received_at)
SELECT pump_id, to_timestamp(observed), event_id, device_id, seq, complaint, score, $1::timestamptz
FROM unnest($2::text[], $3::float8[], $4::uuid[], $5::text[], $6::bigint[], $7::text[], $8::int[])
    AS u (pump_id, observed, event_id, device_id, seq, complaint, score)
ON CONFLICT DO NOTHING;

-- differing_<kind>: which of these rows, all of which are stored, are stored with other content, and in which columns. A
-- counter is its device's own, so it is compared only where the same device speaks. The LIMIT keeps it one look-up by
-- key for each row. The parameters are those of insert_<kind> without the first.

-- name: differing_reservoir
SELECT place, differs
FROM unnest($1::text[], $2::float8[], $3::uuid[], $4::text[], $5::bigint[], $6::float8[], $7::text[])
    WITH ORDINALITY AS u (pump_id, observed, event_id, device_id, seq, volume_ml, basis, place)
CROSS JOIN LATERAL (
    SELECT concat_ws(', ',
            CASE WHEN t.device_id = u.device_id AND t.seq IS DISTINCT FROM u.seq THEN 'seq' END,
            CASE WHEN t.volume_ml IS DISTINCT FROM u.volume_ml THEN 'volume_ml' END,
            CASE WHEN t.basis IS DISTINCT FROM u.basis THEN 'basis' END) AS differs
    FROM reservoir_readings t
    WHERE t.pump_id = u.pump_id AND t.observed_at = to_timestamp(u.observed) AND t.event_id = u.event_id
    LIMIT 1) AS stored
WHERE differs <> '';

-- name: differing_bolus
SELECT place, differs
FROM unnest($1::text[], $2::float8[], $3::uuid[], $4::text[], $5::bigint[], $6::text[], $7::float8[])
    WITH ORDINALITY AS u (pump_id, observed, event_id, device_id, seq, outcome, dose_mcg, place)
CROSS JOIN LATERAL (
    SELECT concat_ws(', ',
            CASE WHEN t.device_id = u.device_id AND t.seq IS DISTINCT FROM u.seq THEN 'seq' END,
            CASE WHEN t.outcome IS DISTINCT FROM u.outcome THEN 'outcome' END,
            CASE WHEN t.dose_mcg IS DISTINCT FROM u.dose_mcg THEN 'dose_mcg' END) AS differs
    FROM bolus_requests t
    WHERE t.pump_id = u.pump_id AND t.observed_at = to_timestamp(u.observed) AND t.event_id = u.event_id
    LIMIT 1) AS stored
WHERE differs <> '';

-- name: differing_alarm
SELECT place, differs
FROM unnest($1::text[], $2::float8[], $3::uuid[], $4::text[], $5::bigint[], $6::text[], $7::text[], $8::text[])
    WITH ORDINALITY AS u (pump_id, observed, event_id, device_id, seq, code, state, detail, place)
CROSS JOIN LATERAL (
    SELECT concat_ws(', ',
            CASE WHEN t.device_id = u.device_id AND t.seq IS DISTINCT FROM u.seq THEN 'seq' END,
            CASE WHEN t.code IS DISTINCT FROM u.code THEN 'code' END,
            CASE WHEN t.state IS DISTINCT FROM u.state THEN 'state' END,
            CASE WHEN t.detail IS DISTINCT FROM u.detail THEN 'detail' END) AS differs
    FROM pump_alarms t
    WHERE t.pump_id = u.pump_id AND t.observed_at = to_timestamp(u.observed) AND t.event_id = u.event_id
    LIMIT 1) AS stored
WHERE differs <> '';

-- name: differing_therapy
SELECT place, differs
FROM unnest($1::text[], $2::float8[], $3::uuid[], $4::text[], $5::bigint[], $6::jsonb[], $7::jsonb[], $8::float8[],
    $9::int[], $10::int[], $11::float8[], $12::float8[], $13::date[], $14::uuid[])
    WITH ORDINALITY AS u (pump_id, observed, event_id, device_id, seq, drugs, profile, bolus_dose_mcg,
    bolus_lockout_minutes, bolus_limit_per_24h, reservoir_size_ml, low_reservoir_ml, refill_due, replaces, place)
CROSS JOIN LATERAL (
    SELECT concat_ws(', ',
            CASE WHEN t.device_id = u.device_id AND t.seq IS DISTINCT FROM u.seq THEN 'seq' END,
            CASE WHEN t.drugs IS DISTINCT FROM u.drugs THEN 'drugs' END,
            CASE WHEN t.profile IS DISTINCT FROM u.profile THEN 'profile' END,
            CASE WHEN t.bolus_dose_mcg IS DISTINCT FROM u.bolus_dose_mcg THEN 'bolus_dose_mcg' END,
            CASE WHEN t.bolus_lockout_minutes IS DISTINCT FROM u.bolus_lockout_minutes THEN 'bolus_lockout_minutes' END,
            CASE WHEN t.bolus_limit_per_24h IS DISTINCT FROM u.bolus_limit_per_24h THEN 'bolus_limit_per_24h' END,
            CASE WHEN t.reservoir_size_ml IS DISTINCT FROM u.reservoir_size_ml THEN 'reservoir_size_ml' END,
            CASE WHEN t.low_reservoir_ml IS DISTINCT FROM u.low_reservoir_ml THEN 'low_reservoir_ml' END,
            CASE WHEN t.refill_due IS DISTINCT FROM u.refill_due THEN 'refill_due' END,
            CASE WHEN t.replaces IS DISTINCT FROM u.replaces THEN 'replaces' END) AS differs
    FROM therapies t
    WHERE t.pump_id = u.pump_id AND t.observed_at = to_timestamp(u.observed) AND t.event_id = u.event_id
    LIMIT 1) AS stored
WHERE differs <> '';

-- name: differing_refill
SELECT place, differs
FROM unnest($1::text[], $2::float8[], $3::uuid[], $4::text[], $5::bigint[], $6::float8[], $7::float8[],
    $8::float8[], $9::uuid[])
    WITH ORDINALITY AS u (pump_id, observed, event_id, device_id, seq, expected_ml, measured_ml, filled_ml, replaces,
    place)
CROSS JOIN LATERAL (
    SELECT concat_ws(', ',
            CASE WHEN t.device_id = u.device_id AND t.seq IS DISTINCT FROM u.seq THEN 'seq' END,
            CASE WHEN t.expected_ml IS DISTINCT FROM u.expected_ml THEN 'expected_ml' END,
            CASE WHEN t.measured_ml IS DISTINCT FROM u.measured_ml THEN 'measured_ml' END,
            CASE WHEN t.filled_ml IS DISTINCT FROM u.filled_ml THEN 'filled_ml' END,
            CASE WHEN t.replaces IS DISTINCT FROM u.replaces THEN 'replaces' END) AS differs
    FROM refills t
    WHERE t.pump_id = u.pump_id AND t.observed_at = to_timestamp(u.observed) AND t.event_id = u.event_id
    LIMIT 1) AS stored
WHERE differs <> '';

-- name: differing_status
SELECT place, differs
FROM unnest($1::text[], $2::float8[], $3::uuid[], $4::text[], $5::bigint[], $6::float8[], $7::text[], $8::date[])
    WITH ORDINALITY AS u (pump_id, observed, event_id, device_id, seq, battery_percent, firmware, end_of_service,
    place)
CROSS JOIN LATERAL (
    SELECT concat_ws(', ',
            CASE WHEN t.device_id = u.device_id AND t.seq IS DISTINCT FROM u.seq THEN 'seq' END,
            CASE WHEN t.battery_percent IS DISTINCT FROM u.battery_percent THEN 'battery_percent' END,
            CASE WHEN t.firmware IS DISTINCT FROM u.firmware THEN 'firmware' END,
            CASE WHEN t.end_of_service IS DISTINCT FROM u.end_of_service THEN 'end_of_service' END) AS differs
    FROM device_statuses t
    WHERE t.pump_id = u.pump_id AND t.observed_at = to_timestamp(u.observed) AND t.event_id = u.event_id
    LIMIT 1) AS stored
WHERE differs <> '';

-- name: differing_report
SELECT place, differs
FROM unnest($1::text[], $2::float8[], $3::uuid[], $4::text[], $5::bigint[], $6::text[], $7::int[])
    WITH ORDINALITY AS u (pump_id, observed, event_id, device_id, seq, complaint, score, place)
CROSS JOIN LATERAL (
    SELECT concat_ws(', ',
            CASE WHEN t.device_id = u.device_id AND t.seq IS DISTINCT FROM u.seq THEN 'seq' END,
            CASE WHEN t.complaint IS DISTINCT FROM u.complaint THEN 'complaint' END,
            CASE WHEN t.score IS DISTINCT FROM u.score THEN 'score' END) AS differs
    FROM patient_reports t
    WHERE t.pump_id = u.pump_id AND t.observed_at = to_timestamp(u.observed) AND t.event_id = u.event_id
    LIMIT 1) AS stored
WHERE differs <> '';

-- A re-send of the same bad bytes raises a count. One statement sees each (digest, index) once.
-- The first receipt of a refused alarm stays; a re-send is no news.
-- name: insert_refused_alarms
INSERT INTO refused_alarms (pump_id, event_id, device_id, code, state, seq, clock_offset_seconds, received_at)
SELECT pump_id, event_id, device_id, code, state, seq, behind, $1::timestamptz
FROM unnest($2::text[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::bigint[], $8::float8[])
    AS u (pump_id, event_id, device_id, code, state, seq, behind)
ORDER BY pump_id, event_id
ON CONFLICT DO NOTHING;

-- name: upsert_refused_clocks
INSERT INTO refused_clocks AS c (device_id, received_at, clock_offset_seconds)
SELECT device_id, $1::timestamptz, behind FROM unnest($2::text[], $3::float8[]) AS u (device_id, behind)
ORDER BY device_id
ON CONFLICT (device_id) DO UPDATE
SET received_at = EXCLUDED.received_at, clock_offset_seconds = EXCLUDED.clock_offset_seconds
WHERE c.received_at < EXCLUDED.received_at;

-- A device that was not heard for half an hour has paused; the last 40 pauses are its habit.
-- name: upsert_last_seen
INSERT INTO device_last_seen AS s (device_id, received_at, observed_at, clock_offset_seconds)
SELECT device_id, $1::timestamptz, to_timestamp(observed), extract(epoch FROM $1::timestamptz) - observed
FROM unnest($2::text[], $3::float8[]) AS u (device_id, observed)
ORDER BY device_id
ON CONFLICT (device_id) DO UPDATE
SET received_at = EXCLUDED.received_at,
    observed_at = EXCLUDED.observed_at,
    clock_offset_seconds = EXCLUDED.clock_offset_seconds,
    paused_at = CASE WHEN EXCLUDED.received_at >= s.received_at + interval '30 minutes'
        THEN (s.paused_at || s.received_at)[greatest(1, cardinality(s.paused_at) - 38):] ELSE s.paused_at END,
    resumed_at = CASE WHEN EXCLUDED.received_at >= s.received_at + interval '30 minutes'
        THEN (s.resumed_at || EXCLUDED.received_at)[greatest(1, cardinality(s.resumed_at) - 38):] ELSE s.resumed_at END
WHERE s.received_at < EXCLUDED.received_at;

-- Leave the pumps that changed for the alert workers, those of $1 to be looked at first.
-- name: queue_evaluation
INSERT INTO evaluation_queue (pump_ids, urgent)
SELECT pump_ids, urgent FROM (VALUES ($1::text[], true), ($2::text[], false)) AS v (pump_ids, urgent)
WHERE cardinality(pump_ids) > 0;

-- After the commit, because a commit that notifies fails while the queue of notifications is full, and holds up every
-- other that does. Nothing depends on it. (Asking how full the queue is also empties it of what everybody has read.)
-- name: wake_alerts
SELECT CASE WHEN pg_notification_queue_usage() < 0.9 THEN pg_notify('pumps_changed', '') END,
       set_config('synchronous_commit', 'off', true);

-- Say that this ingestor lives and is connected to its broker.
-- name: record_heartbeat
INSERT INTO worker_heartbeats (worker_id, service, at, beaten_at) VALUES ($1, 'ingest', now(), now())
ON CONFLICT (worker_id) DO UPDATE SET at = excluded.at, beaten_at = excluded.beaten_at;
