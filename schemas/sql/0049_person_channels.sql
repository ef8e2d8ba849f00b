-- How a person is reached, what was sent there to try it, and what came of it (docs/decisions/0041-channels-that-ring.md). All editions.
CREATE TABLE person_channels (
    channel_id    uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    person_id     uuid NOT NULL REFERENCES persons,
    position      integer NOT NULL,
    name          text NOT NULL CHECK (name <> ''),
    url           text NOT NULL,
    shown         text NOT NULL DEFAULT '',
    rings         boolean NOT NULL DEFAULT true,
    made_at       timestamptz NOT NULL,
    verified_at   timestamptz,
    code_digest   bytea CHECK (length(code_digest) = 32),
    code_until    timestamptz,
    code_tries    integer NOT NULL DEFAULT 0,
    last_sent_at  timestamptz,
    failing_since timestamptz,
    last_error    text,
    proven_at     timestamptz,
    UNIQUE (person_id, name),
    CHECK ((code_digest IS NULL) = (code_until IS NULL))
);
CREATE INDEX person_channels_person ON person_channels (person_id, position);
COMMENT ON COLUMN person_channels.url IS 'An Apprise URL, or webpush://; it may hold a token, and no page shows it.';
COMMENT ON COLUMN person_channels.shown IS 'Its kind and last characters: all of the address that a page shows.';
COMMENT ON COLUMN person_channels.rings IS 'Whether a phone can ring for it; a mail does not, and has no weekly drill.';
COMMENT ON COLUMN person_channels.verified_at IS 'When its person typed the code that had been sent there. Null: nothing is sent but codes.';
COMMENT ON COLUMN person_channels.failing_since IS 'Since when nothing went out over it; null: the last thing did.';
COMMENT ON COLUMN person_channels.proven_at IS 'When its person last answered a drill with "heard it".';

-- When a person wants to hear the weekly drill, and when nothing that can wait. No row: Tuesdays at 11:00 UTC, never quiet.
CREATE TABLE person_hours (
    person_id     uuid PRIMARY KEY REFERENCES persons,
    timezone      text NOT NULL,
    quiet_begins  text CHECK (quiet_begins ~ '^([01][0-9]|2[0-3]):[0-5][0-9]$'),
    quiet_ends    text CHECK (quiet_ends ~ '^([01][0-9]|2[0-3]):[0-5][0-9]$'),
    drill_weekday smallint NOT NULL CHECK (drill_weekday BETWEEN 1 AND 7),
    drill_at      text NOT NULL CHECK (drill_at ~ '^([01][0-9]|2[0-3]):[0-5][0-9]$'),
    CHECK ((quiet_begins IS NULL) = (quiet_ends IS NULL)),
    CHECK (quiet_begins <> quiet_ends)
);
COMMENT ON COLUMN person_hours.drill_weekday IS '1: Monday. By the clock of the time zone, like the other times.';

-- What is sent over a person's channel and is no page. A worker sends it: what it says is made then, and kept nowhere.
CREATE TABLE channel_messages (
    message_id    uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    channel_id    uuid NOT NULL REFERENCES person_channels ON DELETE CASCADE,
    purpose       text NOT NULL CHECK (purpose IN ('code', 'test', 'drill', 'warning')),
    episode       text NOT NULL,
    about         text NOT NULL DEFAULT '',
    asked_at      timestamptz NOT NULL,
    due_at        timestamptz NOT NULL,
    claimed_until timestamptz,
    attempts      integer NOT NULL DEFAULT 0,
    ended_at      timestamptz,
    sent_at       timestamptz,
    error         text,
    answer_digest bytea CHECK (length(answer_digest) = 32),
    answered_at   timestamptz,
    UNIQUE (channel_id, purpose, episode)
);
CREATE INDEX channel_messages_due ON channel_messages (due_at) WHERE ended_at IS NULL;
CREATE INDEX channel_messages_answer ON channel_messages (answer_digest) WHERE answer_digest IS NOT NULL;
COMMENT ON COLUMN channel_messages.episode IS 'What it is about, once: of a drill, the moment at which it was due.';
COMMENT ON COLUMN channel_messages.about IS 'Of a warning: the name of the channel that did not prove itself.';
COMMENT ON COLUMN channel_messages.answer_digest IS 'Of a drill: SHA-256 of what its link ends in.';
