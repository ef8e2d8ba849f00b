-- Some conditions are about one thing that happened, such as a refill, and cannot end by themselves: a person says what was
-- done, and the alert is closed for good. The key of such an alert names the happening: "refill@2026-03-02T09:00:00Z".
ALTER TABLE alerts
    ADD COLUMN resolved_by text,
    ADD COLUMN resolved_at timestamptz,
    ADD COLUMN resolution  text,
    ADD CHECK ((resolved_by IS NULL) = (resolved_at IS NULL) AND (resolved_by IS NULL OR state = 'closed'));
CREATE INDEX alerts_resolved ON alerts (pump_id) WHERE resolved_at IS NOT NULL;
COMMENT ON COLUMN alerts.resolution IS 'What was done, in the words of resolved_by.';

-- Open ones go on under their new names, so that nobody is paged again for them.
UPDATE alerts SET key = key || '@' || to_char(since AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
WHERE rule = 'infusion' AND key IN ('refill', 'pocket_fill') AND state <> 'closed';
