-- Whose turn it is: rows that processes of ours lock or claim, in tables on which readers have no grant. An advisory lock can
-- be taken by anybody who may connect, and kept (docs/decisions/0021-no-lock-that-a-reader-can-take.md). All editions.

-- The table itself is made by the runner of migrations, which takes a turn before any of them.
COMMENT ON TABLE turns IS 'What one process does at a time. A row is claimed by a session (server_pid), or locked for a transaction.';
INSERT INTO turns (name) VALUES ('grouping') ON CONFLICT DO NOTHING;

CREATE TABLE handheld_turns (device_id text PRIMARY KEY);
COMMENT ON TABLE handheld_turns IS
    'Locked by ingest while it looks where an event of a handheld is stored that was paired with several pumps.';

-- A full queue of notifications must not fail the commit that changed the registry: who listens looks by itself, too.
CREATE OR REPLACE FUNCTION notify_registry_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF pg_notification_queue_usage() < 0.9 THEN
        PERFORM pg_notify('registry_changed', '');
    END IF;
    RETURN NULL;
END
$$;
