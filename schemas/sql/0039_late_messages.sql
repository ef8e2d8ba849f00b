-- Messages with events for a part of a table that is locked: they are kept here, so that nothing else waits for the lock,
-- and go on from here once it is free. All editions.
CREATE TABLE late_messages (
    late_message_id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    received_at      timestamptz NOT NULL,
    tried_at         timestamptz NOT NULL DEFAULT clock_timestamp(),
    topic            text NOT NULL,
    payload          bytea NOT NULL,
    response_topic   text,
    correlation_data bytea,
    events_stored    integer NOT NULL
);
CREATE INDEX late_messages_tried ON late_messages (tried_at);
CREATE INDEX late_messages_received ON late_messages (received_at);
COMMENT ON TABLE late_messages IS 'Messages as they came that wait for a lock. A row is gone once its events are stored.';
COMMENT ON COLUMN late_messages.events_stored IS 'How many of its events are stored already: the receipt counts them as stored.';
COMMENT ON COLUMN late_messages.response_topic IS 'Where the receipt goes; NULL: nobody asked for one.';
