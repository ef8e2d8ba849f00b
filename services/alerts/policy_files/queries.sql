-- The last good policy of each clinic, and what each host's folder lacks (docs/decisions/0020-the-last-good-policy-holds.md).

-- name: policy_heads
SELECT clinic_id, changed_at, version FROM clinic_policies;

-- name: policies_kept
SELECT clinic_id, policy, changed_at, file, host FROM clinic_policies WHERE clinic_id = ANY ($1::text[]);

-- name: keep_policies
-- The newest change holds; in one order, so that two hosts never wait for each other in a circle.
WITH kept AS (
    INSERT INTO clinic_policies AS c (clinic_id, version, policy, changed_at, file, host)
    SELECT clinic_id, version, policy::json, changed_at, file, host
    FROM unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[], $5::text[], $6::text[])
         AS u (clinic_id, version, policy, changed_at, file, host)
    ORDER BY clinic_id
    ON CONFLICT (clinic_id) DO UPDATE
    SET version = excluded.version, policy = excluded.policy, changed_at = excluded.changed_at,
        file = excluded.file, host = excluded.host, removed_by = NULL
    WHERE c.changed_at < excluded.changed_at
    RETURNING clinic_id, version, file, host)
INSERT INTO policy_changes (clinic_id, at, what, by, version, file, host)
SELECT clinic_id, $7, 'loaded', 'pumpwatch', version, file, host FROM kept;

-- name: say_folder
-- What this host's folder has (fault: null) and lacks. Since when it lacks it is kept, also where the host has another
-- name after a new start.
WITH here AS (
    SELECT clinic_id, fault FROM unnest($2::text[], $3::text[]) AS u (clinic_id, fault)),
gone AS (
    DELETE FROM policy_folders f
    WHERE (f.host = $1 AND f.clinic_id <> ALL ($2::text[]))
       OR (f.host <> $1 AND f.seen_at < $4::timestamptz - interval '7 days'))
INSERT INTO policy_folders AS f (host, clinic_id, fault, since, seen_at)
SELECT $1, clinic_id, fault,
       coalesce((SELECT min(o.since) FROM policy_folders o
                 WHERE o.clinic_id = here.clinic_id AND o.fault IS NOT NULL AND here.fault IS NOT NULL
                   AND o.seen_at > $4::timestamptz - interval '1 day'
                   AND NOT EXISTS (SELECT FROM policy_folders g
                                   WHERE g.clinic_id = o.clinic_id AND g.fault IS NULL AND g.since > o.seen_at)), $4), $4
FROM here
ON CONFLICT (host, clinic_id) DO UPDATE
SET fault = excluded.fault, seen_at = excluded.seen_at,
    since = CASE WHEN (f.fault IS NULL) = (excluded.fault IS NULL) THEN f.since ELSE excluded.since END
RETURNING clinic_id, since;

-- name: faults_elsewhere
SELECT clinic_id, host, fault FROM policy_folders
WHERE host <> $1 AND seen_at > $2 AND fault IS NOT NULL
ORDER BY clinic_id, host;

-- name: hosts_with_a_file
SELECT host FROM policy_folders WHERE clinic_id = $1 AND seen_at > $2 AND fault IS NULL ORDER BY host;

-- name: remove_policy
UPDATE clinic_policies
SET policy = NULL, changed_at = greatest($2, changed_at + interval '1 microsecond'), removed_by = $3
WHERE clinic_id = $1 AND policy IS NOT NULL
RETURNING version, file, host;

-- name: record_removal
INSERT INTO policy_changes (clinic_id, at, what, by, version, file, host) VALUES ($1, $2, 'removed', $3, $4, $5, $6);

-- name: clinics_with_a_policy
SELECT clinic_id FROM clinic_policies WHERE policy IS NOT NULL ORDER BY clinic_id;

-- name: pumps_of_clinic
SELECT count(*) FROM devices WHERE clinic_id = $1 AND kind = 'pump' AND retired_at IS NULL;
