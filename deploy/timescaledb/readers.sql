-- Grafana's login sees every clinic of this installation, until a clinic has a login of its own: `pumpwatch grafana` makes
-- those, and takes this row out for good (docs/operating/grafana.md).
INSERT INTO clinic_readers (role_name, clinic_id)
SELECT 'pumpwatch_grafana', NULL WHERE NOT EXISTS (SELECT FROM clinic_readers WHERE role_name LIKE 'grafana\_%')
ON CONFLICT DO NOTHING;
