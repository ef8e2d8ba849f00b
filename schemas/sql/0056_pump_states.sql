-- What state each pump of the fleet is in, without its level: to find the levels of all pumps took a third of a second at ten million
-- events, and a panel that counts states shows none (docs/decisions/0032-no-plan-for-readers.md).
CREATE VIEW dashboard_private.pump_states WITH (security_barrier) AS
SELECT d.device_id AS pump_id, d.clinic_id, s.received_at AS last_heard_at, a.worst_rank
FROM devices d
LEFT JOIN device_last_seen s ON s.device_id = d.device_id
LEFT JOIN LATERAL (SELECT 3 - min(priority_rank(priority)) AS worst_rank FROM alerts
                   WHERE pump_id = d.device_id AND clinic_id = d.clinic_id AND state <> 'closed') a ON true
WHERE d.kind = 'pump' AND d.retired_at IS NULL AND d.clinic_id IN (SELECT clinic_id FROM readable_clinics);

CREATE FUNCTION dashboard_private.pump_states() RETURNS SETOF dashboard_private.pump_states
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp SET jit = off
SET debug_print_parse = off SET debug_print_rewritten = off SET debug_print_plan = off AS
$f$ BEGIN RETURN QUERY SELECT * FROM dashboard_private.pump_states; END $f$;
REVOKE ALL ON FUNCTION dashboard_private.pump_states() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION dashboard_private.pump_states() TO pumpwatch_reader;

CREATE VIEW dashboard.pump_states WITH (security_barrier) AS SELECT * FROM dashboard_private.pump_states();
GRANT SELECT ON dashboard.pump_states TO pumpwatch_reader;
COMMENT ON VIEW dashboard.pump_states IS 'Each pump, when it was last heard of, and its worst open alert (3: high). Levels: dashboard.pumps.';
