-- Why a page goes out is three columns, and no longer one word that each reader takes apart: what made the episode begin
-- (kind), which one of its kind it is (episode), and the step of the route. It was "opened", "priority:high:12/step:1",
-- "returned:8"; "group:low_reservoir/medium/0:2026-03-02T09:00:00+00:00"; "ingest:2026-03-02T09:00:00+00:00".
ALTER TABLE deliveries
    ADD COLUMN kind    text,
    ADD COLUMN episode text NOT NULL DEFAULT '',
    ADD COLUMN step    integer NOT NULL DEFAULT 0 CHECK (step >= 0);

UPDATE deliveries d
SET kind = n.kind, episode = n.episode, step = n.step
FROM (
    SELECT delivery_id,
           CASE WHEN alert_id IS NOT NULL THEN split_part(name, ':', 1) WHEN is_group THEN 'group' ELSE 'notice' END AS kind,
           CASE WHEN alert_id IS NOT NULL THEN coalesce(substring(name FROM ':(.*)$'), '')
                WHEN is_group THEN substring(name FROM '^group:([^/]*)/') || substring(name FROM '^group:[^:]*(:.*)$')
                ELSE name END AS episode,
           coalesce(nullif(CASE WHEN is_group THEN substring(name FROM '^group:[^/]*/[^/]*/([0-9]+):')
                                ELSE split_part(occasion, '/step:', 2) END, ''), '0')::integer AS step
    FROM (SELECT delivery_id, alert_id, occasion, split_part(occasion, '/step:', 1) AS name,
                 alert_id IS NULL AND occasion LIKE 'group:%' AS is_group
          FROM deliveries) old) n
WHERE n.delivery_id = d.delivery_id;

ALTER TABLE deliveries
    ALTER COLUMN kind SET NOT NULL,
    ADD CHECK (kind IN ('opened', 'priority', 'returned', 'expired', 'group', 'notice')),
    DROP COLUMN occasion,  -- and with it the unique keys and indexes that name it
    ADD UNIQUE (alert_id, kind, episode, step, contact, channel);
CREATE UNIQUE INDEX deliveries_about_no_alert ON deliveries (clinic_id, kind, episode, step, contact, channel)
    WHERE alert_id IS NULL;
CREATE INDEX deliveries_groups_sent ON deliveries (clinic_id, contact, channel) WHERE kind = 'group';
COMMENT ON COLUMN deliveries.kind IS 'What made the episode begin, or what else the page is about: a group, or Pumpwatch itself.';
COMMENT ON COLUMN deliveries.episode IS 'Tells episodes of one kind apart, such as by the number of the transition that began it.';
COMMENT ON COLUMN deliveries.step IS 'The step of the route; 0 is the first.';

ALTER TABLE bypassed_pages
    ALTER COLUMN step TYPE integer USING coalesce(nullif(split_part(step, '/step:', 2), ''), '0')::integer;
