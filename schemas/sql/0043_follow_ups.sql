-- How an alert goes on, for receivers that are no people: alarm middleware that was told of its start must hear of its end.
ALTER TABLE deliveries
    ADD COLUMN follows boolean NOT NULL DEFAULT false,
    ADD COLUMN follow_up boolean NOT NULL DEFAULT false,
    DROP CONSTRAINT deliveries_kind_check,
    ADD CONSTRAINT deliveries_kind_check CHECK (kind IN ('opened', 'priority', 'returned', 'expired', 'group', 'notice',
                                                         'acknowledged', 'cleared', 'closed', 'reopened'));
CREATE INDEX deliveries_follows ON deliveries (alert_id) WHERE follows;
COMMENT ON COLUMN deliveries.follows IS 'It went, or may have gone, to a receiver that is to hear how the alert goes on.';
COMMENT ON COLUMN deliveries.follow_up IS 'No page: it tells such a receiver what became of the alert.';
