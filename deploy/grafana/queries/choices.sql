-- What can be chosen, and where the board is.
--
-- Queries of the dashboards read the views and functions of the schema `dashboard` and nothing else, and use of
-- Grafana's macros only the few that tests/contract/grafana/macros.py knows. A view is read whole, whatever is asked of it
-- (docs/decisions/0032-no-plan-for-readers.md): of one pump, use the functions.

-- name: clinics
SELECT clinic_id AS __value, name AS __text FROM dashboard.clinics ORDER BY name;

-- name: board
SELECT DISTINCT url FROM dashboard.board;

-- name: pumps
-- The list follows the clinics that are chosen.
SELECT pump_id FROM dashboard.devices WHERE kind = 'pump' AND clinic_id IN (${clinic:sqlstring}) ORDER BY pump_id;
