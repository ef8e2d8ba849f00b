-- One table per kind of event. The key is (pump, device's time, event id): a re-send is the same row.
-- No foreign keys: ingest has looked the device up, and a check per row would cost more than the insert.

CREATE TABLE reservoir_readings (
    pump_id     text NOT NULL,
    observed_at timestamptz NOT NULL,
    event_id    uuid NOT NULL,
    received_at timestamptz NOT NULL,
    device_id   text NOT NULL,
    seq         bigint,
    volume_ml   double precision NOT NULL CHECK (volume_ml >= 0 AND volume_ml < 'NaN'),
    basis       text NOT NULL CHECK (basis IN ('computed', 'measured')),
    PRIMARY KEY (pump_id, observed_at, event_id)
);

CREATE TABLE bolus_requests (
    pump_id     text NOT NULL,
    observed_at timestamptz NOT NULL,
    event_id    uuid NOT NULL,
    received_at timestamptz NOT NULL,
    device_id   text NOT NULL,
    seq         bigint,
    outcome     text NOT NULL
        CHECK (outcome IN ('delivered', 'denied_lockout', 'denied_limit', 'denied_other', 'comm_failure')),
    dose_mcg    double precision,
    PRIMARY KEY (pump_id, observed_at, event_id)
);

CREATE TABLE pump_alarms (
    pump_id     text NOT NULL,
    observed_at timestamptz NOT NULL,
    event_id    uuid NOT NULL,
    received_at timestamptz NOT NULL,
    device_id   text NOT NULL,
    seq         bigint,
    code        text NOT NULL,
    state       text NOT NULL CHECK (state IN ('raised', 'cleared')),
    detail      text,
    PRIMARY KEY (pump_id, observed_at, event_id)
);

CREATE TABLE therapies (
    pump_id               text NOT NULL,
    observed_at           timestamptz NOT NULL,
    event_id              uuid NOT NULL,
    received_at           timestamptz NOT NULL,
    device_id             text NOT NULL,
    seq                   bigint,
    drugs                 jsonb NOT NULL,
    profile               jsonb NOT NULL,
    bolus_dose_mcg        double precision,
    bolus_lockout_minutes integer,
    bolus_limit_per_24h   integer,
    reservoir_size_ml     double precision NOT NULL,
    low_reservoir_ml      double precision,
    refill_due            date,
    PRIMARY KEY (pump_id, observed_at, event_id)
);

CREATE TABLE refills (
    pump_id     text NOT NULL,
    observed_at timestamptz NOT NULL,
    event_id    uuid NOT NULL,
    received_at timestamptz NOT NULL,
    device_id   text NOT NULL,
    seq         bigint,
    expected_ml double precision NOT NULL,
    measured_ml double precision NOT NULL,
    filled_ml   double precision NOT NULL,
    PRIMARY KEY (pump_id, observed_at, event_id)
);

CREATE TABLE device_statuses (
    pump_id         text NOT NULL,
    observed_at     timestamptz NOT NULL,
    event_id        uuid NOT NULL,
    received_at     timestamptz NOT NULL,
    device_id       text NOT NULL,
    seq             bigint,
    battery_percent double precision,
    firmware        text,
    end_of_service  date,
    PRIMARY KEY (pump_id, observed_at, event_id)
);

CREATE TABLE patient_reports (
    pump_id     text NOT NULL,
    observed_at timestamptz NOT NULL,
    event_id    uuid NOT NULL,
    received_at timestamptz NOT NULL,
    device_id   text NOT NULL,
    seq         bigint,
    complaint   text NOT NULL,
    score       integer,
    PRIMARY KEY (pump_id, observed_at, event_id)
);
