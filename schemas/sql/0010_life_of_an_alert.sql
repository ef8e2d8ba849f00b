-- The life of an alert beside its state: who wants silence for how long, what waits together, who sends what, and what
-- went out while the database was away.

-- A person's wish that nobody be paged for a while: about one pump, one rule, or the whole clinic. A maintenance window
-- is one that is known beforehand, such as the appointment for a refill.
CREATE TABLE silences (
    silence_id    uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    clinic_id     text NOT NULL REFERENCES clinics,
    kind          text NOT NULL CHECK (kind IN ('silence', 'maintenance')),
    pump_id       text,
    rule          text,
    includes_high boolean NOT NULL DEFAULT false,
    reason        text NOT NULL CHECK (reason <> ''),
    created_by    text NOT NULL CHECK (created_by <> ''),
    created_at    timestamptz NOT NULL,
    begins_at     timestamptz NOT NULL,
    ends_at       timestamptz NOT NULL CHECK (ends_at > begins_at),
    ended_at      timestamptz,
    ended_by      text,
    CHECK (NOT includes_high OR pump_id IS NOT NULL)
);
CREATE INDEX silences_clinic ON silences (clinic_id, ends_at);
COMMENT ON TABLE silences IS 'Never deleted: an end before its time is ended_at and ended_by.';

-- A page about no single alert stands in the same outbox: one for many alerts, or one about Pumpwatch itself.
ALTER TABLE deliveries ALTER COLUMN alert_id DROP NOT NULL;
ALTER TABLE deliveries DROP CONSTRAINT deliveries_state_check;
ALTER TABLE deliveries ADD CONSTRAINT deliveries_state_check
    CHECK (state IN ('due', 'sending', 'grouped', 'sent', 'failed', 'cancelled'));
ALTER TABLE deliveries
    ADD COLUMN together     boolean NOT NULL DEFAULT false,
    ADD COLUMN group_id     uuid REFERENCES deliveries,
    ADD COLUMN claimed_by   text,
    ADD COLUMN held_by      text,
    ADD COLUMN held_silence uuid REFERENCES silences,
    ADD COLUMN bypassed     boolean NOT NULL DEFAULT false;
CREATE UNIQUE INDEX deliveries_about_no_alert ON deliveries (clinic_id, occasion, contact, channel) WHERE alert_id IS NULL;
CREATE INDEX deliveries_together ON deliveries (due_at) WHERE state = 'due' AND together;
CREATE INDEX deliveries_group ON deliveries (group_id) WHERE group_id IS NOT NULL;
CREATE INDEX deliveries_groups_sent ON deliveries (clinic_id, occasion) WHERE alert_id IS NULL;
CREATE INDEX deliveries_held ON deliveries (held_silence) WHERE state = 'due' AND held_silence IS NOT NULL;
COMMENT ON COLUMN deliveries.together IS 'Waits a moment for others like it, and may go out in one page with them.';
COMMENT ON COLUMN deliveries.group_id IS 'The delivery (about no single alert) that this one goes out with.';
COMMENT ON COLUMN deliveries.held_by IS 'Why it is not due yet: silence, maintenance, quiet_hours.';
COMMENT ON COLUMN deliveries.bypassed IS 'Sent straight from MQTT while the database was away, and written down later.';

-- The alerts that closed a moment ago: one whose condition returns at once is the same alert.
CREATE INDEX alerts_closed ON alerts (pump_id, closed_at) WHERE state = 'closed';

-- By the database's clock: workers on machines whose clocks differ must agree who is alive.
ALTER TABLE worker_heartbeats ADD COLUMN beaten_at timestamptz NOT NULL DEFAULT now();

-- Pages that went out while the database was away, until the alert that they belong to is there.
CREATE TABLE bypassed_pages (
    event_id   uuid NOT NULL,
    pump_id    text NOT NULL,
    clinic_id  text NOT NULL,
    rule       text NOT NULL,
    key        text NOT NULL,
    step       text NOT NULL,
    contact    text NOT NULL,
    channel    text NOT NULL,
    priority   text NOT NULL,
    title      text NOT NULL,
    body       text NOT NULL,
    sent_at    timestamptz NOT NULL,
    settled_at timestamptz,
    alert_id   uuid REFERENCES alerts,
    PRIMARY KEY (event_id, step, contact, channel)
);
CREATE INDEX bypassed_pages_open ON bypassed_pages (pump_id) WHERE settled_at IS NULL;
COMMENT ON COLUMN bypassed_pages.settled_at IS 'When the event was found stored; alert_id is null if its alarm was over by then.';
