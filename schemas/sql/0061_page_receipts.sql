-- What a message service says later of a page that it took: whether a phone has it, and whether it was answered there
-- (docs/decisions/0048-what-became-of-a-page.md). All editions.
ALTER TABLE deliveries
    ADD COLUMN receipt text,
    ADD COLUMN receipt_ask_at timestamptz,
    ADD COLUMN receipt_said text CHECK (receipt_said IN ('arrived', 'answered', 'not_arrived')),
    ADD COLUMN receipt_said_at timestamptz;
CREATE INDEX deliveries_to_ask_of ON deliveries (receipt_ask_at) WHERE receipt_ask_at IS NOT NULL;
COMMENT ON COLUMN deliveries.receipt IS 'By which the service that took the page is asked what became of it; good only with the channel''s own login.';
COMMENT ON COLUMN deliveries.receipt_ask_at IS 'When it is asked next; NULL: not any more.';
COMMENT ON COLUMN deliveries.receipt_said IS 'What it said; NULL: nothing yet.';

CREATE OR REPLACE VIEW web.deliveries WITH (security_barrier) AS
SELECT delivery_id, clinic_id, alert_id, kind, episode, step, contact, channel, priority, state, created_at, due_at, attempts,
       last_error, sent_at, held_by, held_silence, group_id, bypassed, follow_up, receipt_said, receipt_said_at
FROM public.deliveries WHERE clinic_id = ANY ((SELECT web.clinics())::text[])
WITH CASCADED CHECK OPTION;
