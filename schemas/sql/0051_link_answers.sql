-- What people answered by a link, each link once (docs/decisions/0040-answered-by-a-link.md). All editions.
CREATE TABLE link_answers (
    delivery_id uuid PRIMARY KEY,
    purpose     text NOT NULL CHECK (purpose IN ('alert', 'alarm')),
    about       uuid NOT NULL,
    person_id   uuid NOT NULL REFERENCES persons,
    given_at    timestamptz NOT NULL,
    taken_at    timestamptz NOT NULL,
    alert_id    uuid REFERENCES alerts,
    settled_at  timestamptz,
    outcome     text,
    CHECK ((settled_at IS NULL) = (outcome IS NULL))
);
CREATE INDEX link_answers_waiting ON link_answers (given_at) WHERE settled_at IS NULL;
COMMENT ON TABLE link_answers IS 'By the id of the page that the link came with: a link acts once.';
COMMENT ON COLUMN link_answers.about IS 'The alert, or (alarm) the event that was paged past the database.';
COMMENT ON COLUMN link_answers.given_at IS 'When the person pressed; taken_at: when the database heard of it.';
COMMENT ON COLUMN link_answers.settled_at IS 'Null: about an alarm of which there is no alert yet.';

-- Who has what is asked about once a second.
CREATE INDEX alerts_taken ON alerts (acknowledged_at) WHERE state = 'acknowledged';
