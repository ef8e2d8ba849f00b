-- After the database was away every heartbeat is old, and nobody is dead: only who has itself been heard of for a while may
-- say that another has not.
ALTER TABLE worker_heartbeats ADD COLUMN beating_since timestamptz NOT NULL DEFAULT clock_timestamp();
COMMENT ON COLUMN worker_heartbeats.beating_since IS 'The first of the heartbeats that came without a pause of 3 seconds.';
