-- Lists of alerts are read by clinic and state (docs/decisions/0049-lists-and-live-boards.md). All editions.
--
-- Before, every alert that ever was stood between the board and those that are open.
CREATE INDEX alerts_by_state ON alerts (clinic_id, state, opened_at DESC);

-- How far each clinic's audit trail has come. An open board asks it several times a second whether anything has happened; of no pump
-- and no patient anything stands here, so it is the installation's, as the other views of health are.
CREATE VIEW web.trail_ends WITH (security_barrier) AS SELECT clinic_id, clinic_seq FROM public.audit_heads;
