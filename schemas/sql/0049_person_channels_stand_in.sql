-- How a person is reached. All editions. (A stand-in: the room of channels has a table of this name with these columns.)
CREATE TABLE person_channels (
    channel_id    uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    person_id     uuid NOT NULL REFERENCES persons,
    position      integer NOT NULL,
    name          text NOT NULL CHECK (name <> ''),
    url           text NOT NULL,
    made_at       timestamptz NOT NULL,
    verified_at   timestamptz,
    failing_since timestamptz
);
CREATE INDEX person_channels_person ON person_channels (person_id, position);
