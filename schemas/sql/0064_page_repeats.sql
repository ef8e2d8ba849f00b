-- The board's figures of alerts tell a further step of a route from a page that goes out again (docs/decisions/0051-a-sheet-for-the-visit.md).
-- All editions.
CREATE OR REPLACE VIEW web.deliveries WITH (security_barrier) AS
SELECT delivery_id, clinic_id, alert_id, kind, episode, step, contact, channel, priority, state, created_at, due_at, attempts,
       last_error, sent_at, held_by, held_silence, group_id, bypassed, follow_up, receipt_said, receipt_said_at, repeats
FROM public.deliveries WHERE clinic_id = ANY ((SELECT web.clinics())::text[])
WITH CASCADED CHECK OPTION;
