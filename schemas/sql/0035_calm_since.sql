-- An alert whose condition must have been over for a while before it closes (docs/decisions/0018-a-surge-that-goes-on.md).
ALTER TABLE alerts ADD COLUMN calm_since timestamptz;
COMMENT ON COLUMN alerts.calm_since IS 'Since when its condition has been over at every look; null: it is not, or the alert closes at once.';
