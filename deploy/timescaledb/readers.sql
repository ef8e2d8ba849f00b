-- Grafana's login sees every clinic of this installation. Where several clinics share one, give each its own login
-- and data source instead (docs/operating.md), and take this row out.
INSERT INTO clinic_readers (role_name, clinic_id) VALUES ('pumpwatch_grafana', NULL) ON CONFLICT DO NOTHING;
