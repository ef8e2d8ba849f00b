-- What tells of a device whose clock is wrong, and how long it may be silent (docs/decisions/0016-a-wrong-clock-is-told.md).
-- All editions; no row is rewritten.

-- Alarms that were refused because of their date. The bytes stay a dead letter; this is what the alert rules read.
CREATE TABLE refused_alarms (
    pump_id              text NOT NULL,
    event_id             uuid NOT NULL,
    device_id            text NOT NULL,
    code                 text NOT NULL,
    state                text NOT NULL CHECK (state IN ('raised', 'cleared')),
    seq                  bigint,
    received_at          timestamptz NOT NULL,
    clock_offset_seconds double precision NOT NULL,
    PRIMARY KEY (pump_id, event_id)
);
CREATE INDEX refused_alarms_recent ON refused_alarms (pump_id, received_at DESC);
COMMENT ON COLUMN refused_alarms.received_at IS 'When it came first; a re-send changes nothing.';
COMMENT ON COLUMN refused_alarms.clock_offset_seconds IS
    'received_at - observed_at; negative: it was dated ahead. No timestamp, because a clock may say any year.';

-- The newest date for which an event of a device was refused, whatever its kind.
CREATE TABLE refused_clocks (
    device_id            text PRIMARY KEY,
    received_at          timestamptz NOT NULL,
    clock_offset_seconds double precision NOT NULL
) WITH (fillfactor = 70);
COMMENT ON TABLE refused_clocks IS 'How far the clock of a device was off when an event was last refused for its date.';

-- The last pauses of a device, oldest first: the habit by which its silence is judged, however long its pauses are.
ALTER TABLE device_last_seen
    ADD COLUMN paused_at  timestamptz[] NOT NULL DEFAULT '{}',
    ADD COLUMN resumed_at timestamptz[] NOT NULL DEFAULT '{}';
COMMENT ON COLUMN device_last_seen.paused_at IS
    'When it was last heard before each of its last 40 pauses of half an hour or more; resumed_at: when it was heard again.';

-- The devices of each pump, itself and its handhelds of now, and what ingest keeps of them beside their events.
CREATE VIEW device_contacts AS
SELECT c.pump_id, c.device_id, s.received_at AS last_seen_at, s.clock_offset_seconds, s.paused_at, s.resumed_at,
       r.received_at AS refused_at, r.clock_offset_seconds AS refused_offset_seconds
FROM (SELECT device_id AS pump_id, device_id FROM devices WHERE kind = 'pump'
      UNION ALL
      SELECT p.pump_id, p.handheld_id FROM pairings p JOIN devices h ON h.device_id = p.handheld_id
      WHERE p.ended_at IS NULL AND h.retired_at IS NULL) c
LEFT JOIN device_last_seen s ON s.device_id = c.device_id
LEFT JOIN refused_clocks r ON r.device_id = c.device_id;
