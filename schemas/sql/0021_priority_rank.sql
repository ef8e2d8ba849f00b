-- The order of priorities, in one place. All editions.

-- high 0, medium 1, low 2, info 3: ORDER BY priority_rank(priority) puts the most urgent first. Anything else, and null, has
-- no rank (null) and comes last. Not STRICT, so that PostgreSQL writes it into the query and does not call it.
CREATE FUNCTION priority_rank(priority text) RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE priority WHEN 'high' THEN 0 WHEN 'medium' THEN 1 WHEN 'low' THEN 2 WHEN 'info' THEN 3 END;
COMMENT ON FUNCTION priority_rank(text) IS 'high 0, medium 1, low 2, info 3: the most urgent first.';

-- A view asks for the right to call a function in the name of whoever reads the view.
GRANT EXECUTE ON FUNCTION priority_rank(text) TO pumpwatch_reader;

-- Readers order by a column: they need nothing of the schema "public".
CREATE OR REPLACE VIEW dashboard.alerts WITH (security_barrier) AS
SELECT a.alert_id, a.clinic_id, a.pump_id, a.rule, a.key, a.priority, a.state, a.title, a.explanation, a.since,
       a.opened_at, a.acknowledged_by, a.acknowledged_at, a.cleared_at, a.closed_at,
       priority_rank(a.priority) AS priority_rank
FROM alerts a
WHERE a.clinic_id IN (SELECT clinic_id FROM readable_clinics);

-- The same columns as before. worst_rank counts the other way, as it always did: 3 for high down to 0 for info.
CREATE OR REPLACE VIEW dashboard.pumps WITH (security_barrier) AS
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
           3 - min(priority_rank(priority)) AS worst_rank
    FROM alerts WHERE pump_id = d.device_id AND state <> 'closed') a ON true;
