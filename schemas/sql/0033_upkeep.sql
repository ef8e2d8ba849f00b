-- pumpwatch:editions apache postgres
-- What the database does by itself, and whether it is done in time. Here it does nothing by itself: the daily sums are
-- computed at each look, and nothing is converted.

CREATE VIEW upkeep AS
SELECT 'rollup' AS kind, 'bolus_daily' AS name, now() AS done_until, NULL::timestamptz AS overdue_since;
COMMENT ON VIEW upkeep IS 'What the database does by itself: until when it is done, and since when it should have been done.';
COMMENT ON COLUMN upkeep.kind IS '"rollup": sums that are kept; "columns": chunks to be converted; "job": TimescaleDB''s job for either.';

-- It is the same for every clinic.
CREATE VIEW dashboard.upkeep WITH (security_barrier) AS
SELECT c.clinic_id, u.kind, u.name, u.done_until, u.overdue_since FROM readable_clinics c CROSS JOIN upkeep u
WHERE c.clinic_id IS NOT NULL;
GRANT SELECT ON dashboard.upkeep TO pumpwatch_reader;
