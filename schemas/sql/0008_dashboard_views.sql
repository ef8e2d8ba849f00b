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
       a.unacknowledged_alerts,
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
           count(*) FILTER (WHERE state = 'active') AS unacknowledged_alerts,
           max(CASE priority WHEN 'high' THEN 3 WHEN 'medium' THEN 2 WHEN 'low' THEN 1 ELSE 0 END) AS worst_rank
    FROM alerts WHERE pump_id = d.device_id AND state <> 'closed') a ON true;

-- Pumps and handhelds, and when each was last heard. Also what a list of pumps is made from: it looks nothing else up.
CREATE VIEW dashboard.devices WITH (security_barrier) AS
SELECT d.device_id, d.kind, d.clinic_id,
       CASE d.kind WHEN 'pump' THEN d.device_id ELSE p.pump_id END AS pump_id,
       d.enrolled_at, s.received_at AS last_heard_at, s.clock_offset_seconds
FROM devices d
LEFT JOIN pairings p ON p.handheld_id = d.device_id AND p.ended_at IS NULL
LEFT JOIN device_last_seen s ON s.device_id = d.device_id
WHERE d.retired_at IS NULL AND d.clinic_id IN (SELECT clinic_id FROM readable_clinics);

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

-- Requests of the last 24 hours beside what is usual for the same pump: the mean of the 28 days before, or of as many
-- as there are. A first look; the rule that pages is finer (it knows the days on which nothing was heard).
CREATE VIEW dashboard.demand WITH (security_barrier) AS
SELECT d.device_id AS pump_id, d.clinic_id, coalesce(t.attempts, 0) AS attempts_24h, coalesce(t.refused, 0) AS refused_24h,
       u.attempts / u.days AS usual_per_day
FROM devices d
LEFT JOIN LATERAL (
    SELECT count(*) AS attempts, count(*) FILTER (WHERE outcome LIKE 'denied%') AS refused
    FROM bolus_requests
    WHERE pump_id = d.device_id AND observed_at > now() - interval '24 hours') t ON true
LEFT JOIN LATERAL (
    SELECT sum(attempts)::double precision AS attempts,
           ceil(extract(epoch FROM now() - interval '24 hours' - min(bucket)) / 86400)::double precision AS days
    FROM bolus_daily
    WHERE pump_id = d.device_id AND bucket >= now() - interval '29 days' AND bucket < now() - interval '24 hours') u ON true
WHERE d.kind = 'pump' AND d.retired_at IS NULL AND d.clinic_id IN (SELECT clinic_id FROM readable_clinics);

CREATE VIEW dashboard.refills WITH (security_barrier) AS
SELECT r.observed_at AS time, r.pump_id, d.clinic_id, r.expected_ml, r.measured_ml, r.filled_ml, r.received_at
FROM refills r JOIN devices d ON d.device_id = r.pump_id
WHERE d.clinic_id IN (SELECT clinic_id FROM readable_clinics);

CREATE VIEW dashboard.therapies WITH (security_barrier) AS
SELECT t.observed_at AS time, t.pump_id, d.clinic_id, t.drugs, t.profile, t.bolus_dose_mcg, t.bolus_lockout_minutes,
       t.bolus_limit_per_24h, t.reservoir_size_ml, coalesce(t.low_reservoir_ml, 2.0) AS low_reservoir_ml, t.refill_due
FROM therapies t JOIN devices d ON d.device_id = t.pump_id
WHERE d.clinic_id IN (SELECT clinic_id FROM readable_clinics);

CREATE VIEW dashboard.statuses WITH (security_barrier) AS
SELECT s.observed_at AS time, s.pump_id, d.clinic_id, s.device_id, s.battery_percent, s.firmware, s.end_of_service
FROM device_statuses s JOIN devices d ON d.device_id = s.pump_id
WHERE d.clinic_id IN (SELECT clinic_id FROM readable_clinics);

CREATE VIEW dashboard.reports WITH (security_barrier) AS
SELECT p.observed_at AS time, p.pump_id, d.clinic_id, p.device_id, p.complaint, p.score
FROM patient_reports p JOIN devices d ON d.device_id = p.pump_id
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

CREATE VIEW dashboard.alert_transitions WITH (security_barrier) AS
SELECT t.at AS time, t.alert_id, t.clinic_id, a.pump_id, a.rule, a.title, t.kind, t.from_state, t.to_state, t.priority,
       t.reason, t.actor
FROM alert_transitions t JOIN alerts a USING (alert_id)
WHERE t.clinic_id IN (SELECT clinic_id FROM readable_clinics);

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
