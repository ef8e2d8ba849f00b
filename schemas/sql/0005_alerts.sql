-- Alerts, what happened to them, and what was sent to whom.

CREATE TABLE alerts (
    alert_id                   uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    clinic_id                  text NOT NULL REFERENCES clinics,
    pump_id                    text NOT NULL,
    rule                       text NOT NULL,
    key                        text NOT NULL,
    priority                   text NOT NULL CHECK (priority IN ('high', 'medium', 'low', 'info')),
    state                      text NOT NULL CHECK (state IN ('active', 'acknowledged', 'cleared', 'closed')),
    title                      text NOT NULL,
    explanation                text NOT NULL,
    evidence                   jsonb NOT NULL DEFAULT '{}',
    since                      timestamptz NOT NULL,
    opened_at                  timestamptz NOT NULL,
    updated_at                 timestamptz NOT NULL,
    acknowledged_by            text,
    acknowledged_at            timestamptz,
    acknowledgement_expires_at timestamptz,
    cleared_at                 timestamptz,
    closed_at                  timestamptz,
    policy_version             text NOT NULL
);
-- active -> acknowledged -> cleared -> closed; at most one that is not closed for a (pump, rule, key).
CREATE UNIQUE INDEX alerts_one_open ON alerts (pump_id, rule, key) WHERE state <> 'closed';
CREATE INDEX alerts_clinic_recent ON alerts (clinic_id, opened_at DESC);
COMMENT ON COLUMN alerts.since IS 'When the condition began, by the device''s clock; opened_at is ours.';

-- The audit trail. Append-only, and each row carries the hash of the one before it in its clinic, so that a changed
-- or missing row shows.
CREATE TABLE alert_transitions (
    clinic_id     text NOT NULL,
    clinic_seq    bigint NOT NULL,
    alert_id      uuid NOT NULL REFERENCES alerts,
    at            timestamptz NOT NULL,
    kind          text NOT NULL,
    from_state    text,
    to_state      text NOT NULL,
    priority      text NOT NULL,
    reason        text NOT NULL,
    actor         text NOT NULL,
    detail        jsonb NOT NULL DEFAULT '{}',
    previous_hash bytea NOT NULL,
    row_hash      bytea NOT NULL,
    PRIMARY KEY (clinic_id, clinic_seq)
);
CREATE INDEX alert_transitions_alert ON alert_transitions (alert_id, clinic_seq);

CREATE TABLE audit_heads (
    clinic_id  text PRIMARY KEY,
    clinic_seq bigint NOT NULL,
    row_hash   bytea NOT NULL
);

CREATE FUNCTION alert_transition_hash(t alert_transitions) RETURNS bytea
LANGUAGE sql IMMUTABLE AS $$
    SELECT sha256(convert_to(jsonb_build_array(
        t.clinic_id, t.clinic_seq, t.alert_id, extract(epoch FROM t.at), t.kind, t.from_state, t.to_state,
        t.priority, t.reason, t.actor, t.detail, encode(t.previous_hash, 'hex'))::text, 'UTF8'))
$$;

CREATE FUNCTION chain_alert_transition() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    head audit_heads;
BEGIN
    INSERT INTO audit_heads VALUES (NEW.clinic_id, 0, '\x') ON CONFLICT DO NOTHING;
    SELECT * INTO head FROM audit_heads WHERE clinic_id = NEW.clinic_id FOR UPDATE;
    NEW.clinic_seq := head.clinic_seq + 1;
    NEW.previous_hash := head.row_hash;
    NEW.row_hash := alert_transition_hash(NEW);
    UPDATE audit_heads SET clinic_seq = NEW.clinic_seq, row_hash = NEW.row_hash WHERE clinic_id = NEW.clinic_id;
    RETURN NEW;
END
$$;
CREATE TRIGGER chain BEFORE INSERT ON alert_transitions
    FOR EACH ROW EXECUTE FUNCTION chain_alert_transition();

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP;
END
$$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON alert_transitions
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- One row per (alert, occasion, contact, channel): what is to be sent, and what became of it. The address itself
-- stays in the policy file; it may be a secret.
CREATE TABLE deliveries (
    delivery_id   uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    alert_id      uuid NOT NULL REFERENCES alerts,
    clinic_id     text NOT NULL,
    occasion      text NOT NULL,
    contact       text NOT NULL,
    channel       text NOT NULL,
    priority      text NOT NULL,
    title         text NOT NULL,
    body          text NOT NULL,
    state         text NOT NULL DEFAULT 'due' CHECK (state IN ('due', 'sending', 'sent', 'failed', 'cancelled')),
    created_at    timestamptz NOT NULL,
    due_at        timestamptz NOT NULL,
    claimed_until timestamptz,
    attempts      integer NOT NULL DEFAULT 0,
    last_error    text,
    sent_at       timestamptz,
    UNIQUE (alert_id, occasion, contact, channel)
);
CREATE INDEX deliveries_open ON deliveries (due_at) WHERE state IN ('due', 'sending');

-- One row per pump under watch: the lock that keeps two workers from deciding about one pump at once, and the
-- clock of the sweep that puts every pump through the rules even when nothing is heard of it.
CREATE TABLE pump_evaluations (
    pump_id      text PRIMARY KEY,
    evaluated_at timestamptz NOT NULL
) WITH (fillfactor = 70);
CREATE INDEX pump_evaluations_oldest ON pump_evaluations (evaluated_at);

-- Each long-running process says that it lives.
CREATE TABLE worker_heartbeats (
    worker_id text PRIMARY KEY,
    service   text NOT NULL,
    at        timestamptz NOT NULL
);
