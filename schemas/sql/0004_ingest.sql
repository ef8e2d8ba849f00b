-- What ingest keeps beside the events.

-- Every message, or event of a message, that was refused: its bytes and the reason. A device that repeats the
-- same bad bytes makes one row with a count.
CREATE TABLE rejected_messages (
    rejection_id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    digest            bytea NOT NULL,
    event_index       integer NOT NULL,
    first_received_at timestamptz NOT NULL,
    last_received_at  timestamptz NOT NULL,
    times_received    integer NOT NULL DEFAULT 1,
    topic             text NOT NULL,
    device_id         text,
    event_id          uuid,
    payload           bytea NOT NULL,
    reason            text NOT NULL,
    detail            text NOT NULL,
    replayed_at       timestamptz,
    UNIQUE (digest, event_index)
);
CREATE INDEX rejected_messages_recent ON rejected_messages (last_received_at DESC);
CREATE INDEX rejected_messages_device ON rejected_messages (device_id, last_received_at DESC);
COMMENT ON COLUMN rejected_messages.event_index IS 'Place in the array, from 0; -1: the whole message.';
COMMENT ON COLUMN rejected_messages.digest IS 'SHA-256 over topic and payload of the message as it came.';

-- When a device was last heard. Written at most every INGEST_LAST_SEEN_SECONDS for a device, so it may lag by that.
CREATE TABLE device_last_seen (
    device_id            text PRIMARY KEY,
    received_at          timestamptz NOT NULL,
    observed_at          timestamptz NOT NULL,
    clock_offset_seconds double precision NOT NULL
) WITH (fillfactor = 70);
COMMENT ON COLUMN device_last_seen.clock_offset_seconds IS
    'received_at - observed_at of the newest event; negative: the device''s clock is ahead.';

-- Pumps that changed and have not been evaluated: one row per ingest transaction, so writers never wait for
-- each other or for an alert worker.
CREATE TABLE evaluation_queue (
    queue_id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    queued_at timestamptz NOT NULL DEFAULT now(),
    pump_ids  text[] NOT NULL
);
