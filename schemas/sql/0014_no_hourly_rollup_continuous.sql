-- pumpwatch:editions community
-- The same; here it kept a second copy of 164 bytes for every reading (docs/decisions/0009-storage.md).
--
-- Its refresh may run at this moment, on a new database a few seconds after 0007; TimescaleDB then refuses with "tuple
-- concurrently deleted" or a deadlock. The next one is half an hour away, so a second try finds it gone.
DO $$
BEGIN
    FOR attempt IN 1..10 LOOP
        BEGIN
            DROP MATERIALIZED VIEW reservoir_hourly;
            EXIT;
        EXCEPTION WHEN internal_error OR deadlock_detected THEN
            IF attempt = 10 THEN
                RAISE;
            END IF;
            PERFORM pg_sleep(1);
        END;
    END LOOP;
END
$$;
