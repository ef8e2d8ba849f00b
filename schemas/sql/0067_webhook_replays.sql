-- What was sent to a program is sent to it again (docs/decisions/0056-signed-webhooks.md). All editions.

-- Who asked for it, and how far it came. Nothing here is a page: no person is told, and no alert waits for it.
CREATE TABLE webhook_replays (
    replay_id     uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    clinic_id     text NOT NULL,
    contact       text NOT NULL,
    channel       text NOT NULL,
    since         timestamptz NOT NULL,
    until         timestamptz NOT NULL CHECK (until > since),
    asked_by      text NOT NULL CHECK (asked_by <> ''),
    asked_at      timestamptz NOT NULL,
    due_at        timestamptz NOT NULL,
    claimed_until timestamptz,
    attempts      integer NOT NULL DEFAULT 0,
    ended_at      timestamptz,
    stopped       text CHECK (stopped <> '')
);
CREATE UNIQUE INDEX webhook_replays_one_at_a_time ON webhook_replays (clinic_id, contact, channel) WHERE ended_at IS NULL;
CREATE INDEX webhook_replays_due ON webhook_replays (due_at) WHERE ended_at IS NULL;
COMMENT ON TABLE webhook_replays IS 'Requests to send again what went to a program, in the order in which it went. A row stays: it says who asked.';
COMMENT ON COLUMN webhook_replays.attempts IS 'How often the message that is next was tried.';
COMMENT ON COLUMN webhook_replays.stopped IS 'Why it ended before its last message; null: it did not.';

CREATE TABLE webhook_resends (
    replay_id   uuid NOT NULL REFERENCES webhook_replays,
    position    integer NOT NULL,
    delivery_id uuid NOT NULL REFERENCES deliveries,
    ended_at    timestamptz,
    error       text,
    PRIMARY KEY (replay_id, position)
);
COMMENT ON COLUMN webhook_resends.error IS 'Why the receiver did not take it; null: it did, or it is not its turn yet.';
