-- The table of rejected messages gets the standard name: a message is rejected, and is kept as a dead letter. All editions;
-- in one transaction, and no row is rewritten.

ALTER TABLE rejected_messages RENAME TO dead_letters;
ALTER TABLE dead_letters RENAME COLUMN rejection_id TO dead_letter_id;
ALTER SEQUENCE rejected_messages_rejection_id_seq RENAME TO dead_letters_dead_letter_id_seq;
ALTER INDEX rejected_messages_recent RENAME TO dead_letters_recent;
ALTER INDEX rejected_messages_device RENAME TO dead_letters_device;

-- By a loop, because PostgreSQL has constraints for NOT NULL only from version 18 on.
DO $$
DECLARE
    name text;
BEGIN
    FOR name IN SELECT conname FROM pg_constraint
                WHERE conrelid = 'dead_letters'::regclass AND conname LIKE 'rejected\_messages\_%' LOOP
        EXECUTE format('ALTER TABLE dead_letters RENAME CONSTRAINT %I TO %I', name,
                       replace(replace(name, 'rejected_messages', 'dead_letters'), 'rejection_id', 'dead_letter_id'));
    END LOOP;
END
$$;
COMMENT ON TABLE dead_letters IS
    'Every message, or event of a message, that was rejected: its bytes and the reason. The same bytes again raise a count.';

-- For processes of the release before, which still run while this one is started, and for what sites wrote themselves.
-- It can be read and written like the table, also by INSERT ... ON CONFLICT.
CREATE VIEW rejected_messages AS
SELECT dead_letter_id AS rejection_id, digest, event_index, first_received_at, last_received_at, times_received, topic,
       device_id, event_id, payload, reason, detail, replayed_at, replay_outcome
FROM dead_letters;
COMMENT ON VIEW rejected_messages IS 'The name that dead_letters had up to migration 0019.';

-- Whoever may use the table may use the view. (Default privileges of roles.sql do it for their own installation only.)
DO $$
DECLARE
    held record;
BEGIN
    FOR held IN
        SELECT CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END AS grantee,
               string_agg(a.privilege_type, ', ') AS privileges
        FROM pg_class c, aclexplode(c.relacl) AS a
        WHERE c.oid = 'dead_letters'::regclass AND a.grantee <> c.relowner
          AND a.privilege_type IN ('SELECT', 'INSERT', 'UPDATE', 'DELETE')
        GROUP BY a.grantee
    LOOP
        EXECUTE format('GRANT %s ON rejected_messages TO %s', held.privileges, held.grantee);
    END LOOP;
END
$$;

-- What dashboards read. dashboard.rejections stays for dashboards that sites made; it shows the same rows.
-- A dead letter of a device that nobody knows belongs to no clinic: only a reader of all clinics sees it.
CREATE VIEW dashboard.dead_letters WITH (security_barrier) AS
SELECT l.last_received_at AS time, l.dead_letter_id, l.device_id, d.clinic_id, l.reason, l.detail, l.times_received
FROM dead_letters l LEFT JOIN devices d ON d.device_id = l.device_id
WHERE d.clinic_id IN (SELECT clinic_id FROM readable_clinics)
   OR EXISTS (SELECT FROM clinic_readers WHERE role_name = session_user AND clinic_id IS NULL);
GRANT SELECT ON dashboard.dead_letters TO pumpwatch_reader;
