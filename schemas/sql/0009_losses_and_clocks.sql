-- What an operator needs to see that nothing was lost: replays of what was refused, gaps in the devices' own counters,
-- and clocks that are off.

ALTER TABLE rejected_messages
    ADD COLUMN replay_outcome text CHECK (replay_outcome IN ('stored', 'duplicate', 'rejected'));
COMMENT ON COLUMN rejected_messages.replayed_at IS 'When it was last replayed.';
COMMENT ON COLUMN rejected_messages.replay_outcome IS
    'stored or duplicate: what it carried stands in the tables, or has a row of its own here. rejected: still refused.';

-- Every event's place in its device's own count. The counter of a device runs over all its kinds.
CREATE VIEW event_sequence AS
SELECT pump_id, observed_at, device_id, seq FROM reservoir_readings WHERE seq IS NOT NULL
UNION ALL SELECT pump_id, observed_at, device_id, seq FROM bolus_requests WHERE seq IS NOT NULL
UNION ALL SELECT pump_id, observed_at, device_id, seq FROM pump_alarms WHERE seq IS NOT NULL
UNION ALL SELECT pump_id, observed_at, device_id, seq FROM therapies WHERE seq IS NOT NULL
UNION ALL SELECT pump_id, observed_at, device_id, seq FROM refills WHERE seq IS NOT NULL
UNION ALL SELECT pump_id, observed_at, device_id, seq FROM device_statuses WHERE seq IS NOT NULL
UNION ALL SELECT pump_id, observed_at, device_id, seq FROM patient_reports WHERE seq IS NOT NULL;

-- The numbers that are missing between those of one device: from, to, how many, and the events on both sides.
--
-- A counter that began again (a pump that was reset) is not a loss:
--   * A jump up that goes back in time leads from the new count into the old one.
--   * A number that is there twice belongs to two counts: its second event is in the second life, and each life is
--     looked at by itself. So a loss is found in either, though its times may be those of the other.
--   * A jump over more than 100,000 numbers is a new count that began high (services/ingest/sequence.py says the same).
-- Events at the very edge of what is looked at have no neighbour, so a loss there is not seen.
CREATE FUNCTION gaps_in(numbers bigint[], times timestamptz[])
RETURNS TABLE (gap_from bigint, gap_to bigint, missing bigint, observed_after timestamptz, observed_before timestamptz)
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT previous_seq + 1, seq - 1, seq - previous_seq - 1, previous_at, observed_at
    FROM (
        SELECT seq, observed_at,
               lag(seq) OVER neighbours AS previous_seq, lag(observed_at) OVER neighbours AS previous_at
        FROM (
            SELECT seq, observed_at, row_number() OVER (PARTITION BY seq ORDER BY observed_at) AS life
            FROM unnest(numbers, times) AS n (seq, observed_at)) AS lives
        WINDOW neighbours AS (PARTITION BY life ORDER BY seq)) AS pairs
    WHERE seq - previous_seq BETWEEN 2 AND 100001 AND observed_at >= previous_at
$$;

-- Gaps of every device since a time by the devices' own clocks. A view of what is stored now: an event that comes late
-- or is replayed closes its gap. A refused event leaves one until then. Device by device, so that no memory grows with
-- the fleet and a filter on device_id looks at nobody else.
CREATE FUNCTION sequence_gaps(since timestamptz)
RETURNS TABLE (device_id text, gap_from bigint, gap_to bigint, missing bigint, observed_after timestamptz,
               observed_before timestamptz)
LANGUAGE sql STABLE AS $$
    SELECT d.device_id, g.gap_from, g.gap_to, g.missing, g.observed_after, g.observed_before
    FROM devices d
    CROSS JOIN LATERAL (
        SELECT array_agg(e.seq) AS numbers, array_agg(e.observed_at) AS times
        FROM event_sequence e
        WHERE e.pump_id = ANY (ARRAY(SELECT d.device_id UNION ALL
                                     SELECT p.pump_id FROM pairings p WHERE p.handheld_id = d.device_id))
          AND e.device_id = d.device_id AND e.observed_at >= since) AS heard
    CROSS JOIN LATERAL gaps_in(heard.numbers, heard.times) AS g
$$;

-- The same of the last seven days, for readers. Not the function: it would run with the reader's rights.
CREATE VIEW dashboard.sequence_gaps WITH (security_barrier) AS
SELECT d.device_id, d.clinic_id, g.gap_from, g.gap_to, g.missing, g.observed_after, g.observed_before
FROM devices d
CROSS JOIN LATERAL (
    SELECT array_agg(e.seq) AS numbers, array_agg(e.observed_at) AS times
    FROM event_sequence e
    WHERE e.pump_id = ANY (ARRAY(SELECT d.device_id UNION ALL
                                 SELECT p.pump_id FROM pairings p WHERE p.handheld_id = d.device_id))
      AND e.device_id = d.device_id AND e.observed_at >= now() - interval '7 days') AS heard
CROSS JOIN LATERAL gaps_in(heard.numbers, heard.times) AS g
WHERE d.retired_at IS NULL AND d.clinic_id IN (SELECT clinic_id FROM readable_clinics);

-- How far each device's clock was off when it was last heard. Below zero it is ahead; above, it is behind or what it
-- sent had waited: the two look the same from here.
CREATE VIEW device_clocks AS
SELECT d.device_id, d.kind, d.clinic_id, s.received_at AS measured_at, s.clock_offset_seconds,
       CASE WHEN s.clock_offset_seconds < -300 THEN 'ahead'
            WHEN s.clock_offset_seconds > 300 THEN 'behind or late'
            ELSE 'right' END AS verdict
FROM devices d JOIN device_last_seen s USING (device_id)
WHERE d.retired_at IS NULL;

CREATE VIEW dashboard.device_clocks WITH (security_barrier) AS
SELECT device_id, kind, clinic_id, measured_at, clock_offset_seconds, verdict
FROM device_clocks
WHERE clinic_id IN (SELECT clinic_id FROM readable_clinics);

GRANT SELECT ON dashboard.sequence_gaps, dashboard.device_clocks TO pumpwatch_reader;
