-- What Grafana and other readers may see. A reader is a login role that is listed in clinic_readers; it has no
-- grant on any table, and each view shows it the pumps of its own clinics only. session_user cannot be changed by
-- SET ROLE, and security_barrier keeps a reader's own functions from seeing a row before the check.

CREATE TABLE clinic_readers (
    role_name text NOT NULL,
    clinic_id text REFERENCES clinics,
    UNIQUE NULLS NOT DISTINCT (role_name, clinic_id)
);
COMMENT ON COLUMN clinic_readers.clinic_id IS 'NULL: every clinic.';

CREATE SCHEMA dashboard;

-- The clinics of whoever asks. A view runs with its owner's rights, so readers need no grant on this one.
CREATE VIEW readable_clinics AS
SELECT c.clinic_id, c.name
FROM clinics c
WHERE EXISTS (
    SELECT FROM clinic_readers r
    WHERE r.role_name = session_user AND (r.clinic_id IS NULL OR r.clinic_id = c.clinic_id));

CREATE VIEW dashboard.clinics WITH (security_barrier) AS
SELECT clinic_id, name FROM readable_clinics;

-- One row per pump: what a nurse asks first.
CREATE VIEW dashboard.pumps WITH (security_barrier) AS
SELECT d.device_id AS pump_id,
       d.clinic_id,
       s.received_at AS last_heard_at,
       r.observed_at AS volume_observed_at,
       r.volume_ml,
       r.basis AS volume_basis,
       t.reservoir_size_ml,
       coalesce(t.low_reservoir_ml, 2.0) AS low_reservoir_ml,
       t.refill_due,
       a.open_alerts,
       a.worst_rank
FROM (SELECT device_id, clinic_id FROM devices JOIN readable_clinics USING (clinic_id)
      WHERE kind = 'pump' AND retired_at IS NULL) d
LEFT JOIN device_last_seen s ON s.device_id = d.device_id
LEFT JOIN LATERAL (
    SELECT observed_at, volume_ml, basis FROM reservoir_readings
    WHERE pump_id = d.device_id ORDER BY observed_at DESC, event_id DESC LIMIT 1) r ON true
LEFT JOIN LATERAL (
    SELECT reservoir_size_ml, low_reservoir_ml, refill_due FROM therapies
    WHERE pump_id = d.device_id ORDER BY observed_at DESC, event_id DESC LIMIT 1) t ON true
LEFT JOIN LATERAL (
    SELECT count(*) AS open_alerts,
           max(CASE priority WHEN 'high' THEN 3 WHEN 'medium' THEN 2 WHEN 'low' THEN 1 ELSE 0 END) AS worst_rank
    FROM alerts WHERE pump_id = d.device_id AND state <> 'closed') a ON true;

CREATE VIEW dashboard.reservoir WITH (security_barrier) AS
SELECT r.observed_at AS time, r.pump_id, d.clinic_id, r.volume_ml, r.basis, r.received_at
FROM reservoir_readings r JOIN devices d ON d.device_id = r.pump_id
WHERE d.clinic_id IN (SELECT clinic_id FROM readable_clinics);

CREATE VIEW dashboard.boluses WITH (security_barrier) AS
SELECT b.observed_at AS time, b.pump_id, d.clinic_id, b.outcome, b.dose_mcg, b.received_at
FROM bolus_requests b JOIN devices d ON d.device_id = b.pump_id
WHERE d.clinic_id IN (SELECT clinic_id FROM readable_clinics);

CREATE VIEW dashboard.boluses_daily WITH (security_barrier) AS
SELECT b.bucket AS time, b.pump_id, d.clinic_id, b.attempts, b.delivered, b.denied_lockout, b.denied_limit,
       b.denied_other, b.comm_failure, b.delivered_mcg
FROM bolus_daily b JOIN devices d ON d.device_id = b.pump_id
WHERE d.clinic_id IN (SELECT clinic_id FROM readable_clinics);

CREATE VIEW dashboard.alarms WITH (security_barrier) AS
SELECT a.observed_at AS time, a.pump_id, d.clinic_id, a.code, a.state, a.detail, a.received_at
FROM pump_alarms a JOIN devices d ON d.device_id = a.pump_id
WHERE d.clinic_id IN (SELECT clinic_id FROM readable_clinics);

CREATE VIEW dashboard.alerts WITH (security_barrier) AS
SELECT a.alert_id, a.clinic_id, a.pump_id, a.rule, a.key, a.priority, a.state, a.title, a.explanation, a.since,
       a.opened_at, a.acknowledged_by, a.acknowledged_at, a.cleared_at, a.closed_at
FROM alerts a
WHERE a.clinic_id IN (SELECT clinic_id FROM readable_clinics);

-- A rejected message of a device that nobody knows belongs to no clinic: only a reader of all clinics sees it.
CREATE VIEW dashboard.rejections WITH (security_barrier) AS
SELECT m.last_received_at AS time, m.rejection_id, m.device_id, d.clinic_id, m.reason, m.detail, m.times_received
FROM rejected_messages m LEFT JOIN devices d ON d.device_id = m.device_id
WHERE d.clinic_id IN (SELECT clinic_id FROM readable_clinics)
   OR EXISTS (SELECT FROM clinic_readers WHERE role_name = session_user AND clinic_id IS NULL);

-- The group role that holds the grants; logins are made members of it by the operator.
DO $$
BEGIN
    CREATE ROLE pumpwatch_reader NOLOGIN;
EXCEPTION WHEN duplicate_object OR unique_violation THEN
    NULL;
END
$$;
GRANT USAGE ON SCHEMA dashboard TO pumpwatch_reader;
GRANT SELECT ON ALL TABLES IN SCHEMA dashboard TO pumpwatch_reader;
