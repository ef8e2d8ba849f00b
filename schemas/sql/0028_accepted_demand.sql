-- A person may say that the level of demand that an alert tells of is the new one: the alert closes, and from then on that
-- level is what is usual (docs/decisions/0018-a-surge-that-goes-on.md).
ALTER TABLE alerts
    ADD COLUMN accepted_by      text,
    ADD COLUMN accepted_at      timestamptz,
    ADD COLUMN acceptance       text,
    ADD COLUMN accepted_since   timestamptz,
    ADD COLUMN accepted_per_day double precision,
    ADD CHECK (num_nulls(accepted_by, accepted_at, accepted_since, accepted_per_day) IN (0, 4)
               AND (accepted_by IS NULL OR state = 'closed'));
CREATE INDEX alerts_accepted ON alerts (pump_id, accepted_at) WHERE accepted_at IS NOT NULL;
COMMENT ON COLUMN alerts.acceptance IS 'Why this is the new level, in the words of accepted_by.';
COMMENT ON COLUMN alerts.accepted_per_day IS 'The level that was accepted: requests a day from accepted_since to accepted_at.';
