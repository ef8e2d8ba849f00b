-- What many open boards showed is written down in one statement for all who looked (docs/decisions/0049-lists-and-live-boards.md).
-- All editions.
--
-- Before, each reader was a transaction of its own: 200 of them for each alarm, beside what pages. Persons, names, clinics and pumps at
-- the same place belong together. Nobody is written down where they may not read; a program's reads are noted one by one.
CREATE FUNCTION web.note_reads_of_persons(
    at timestamptz, persons uuid[], names text[], clinic_ids text[], pump_ids text[])
RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    INSERT INTO access_log (at, kind, actor, clinic_id, pump_id, detail)
    SELECT $1, 'read', 'person:' || n.person_id, n.clinic_id, n.pump_id, jsonb_build_object('name', n.name)
    FROM (SELECT DISTINCT * FROM unnest($2, $3, $4, $5) AS u (person_id, name, clinic_id, pump_id)) n
    JOIN persons p USING (person_id)
    JOIN person_roles r ON r.person_id = n.person_id AND r.clinic_id = n.clinic_id
    WHERE p.disabled_at IS NULL
      AND NOT EXISTS (SELECT FROM access_log l WHERE l.kind = 'read' AND l.actor = 'person:' || n.person_id
                        AND l.pump_id = n.pump_id AND l.clinic_id = n.clinic_id
                        AND l.at >= date_trunc('hour', $1, 'UTC') AND l.at < date_trunc('hour', $1, 'UTC') + interval '1 hour')
    ORDER BY n.person_id, n.clinic_id, n.pump_id
$$;
REVOKE ALL ON FUNCTION web.note_reads_of_persons FROM PUBLIC;
