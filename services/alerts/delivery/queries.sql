-- Pages on their way to people, and what holds them.

-- name: insert_deliveries
-- A delivery that exists already (same alert, occasion, contact and channel) stays as it is.
INSERT INTO deliveries (alert_id, clinic_id, kind, episode, step, contact, channel, priority, title, body, together,
                        created_at, due_at, repeats, policy_version)
SELECT alert_id, clinic_id, kind, episode, step, contact, channel, priority, title, body, together, $12, $12, repeats, version
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::integer[], $6::text[], $7::text[], $8::text[], $9::text[],
            $10::text[], $11::boolean[], $13::boolean[], $14::text[])
     AS n (alert_id, clinic_id, kind, episode, step, contact, channel, priority, title, body, together, repeats, version)
ON CONFLICT (alert_id, kind, episode, step, contact, channel) DO NOTHING
RETURNING delivery_id;

-- name: claim_delivery
-- The most urgent delivery that is due at $1 (people before receivers that only hear how it goes on), unless its channel is already at its limit here ($3, $4, $5: the busy ones).
-- One that was being sent when its process died is due again when its lease ($2: until when) is over, or when that
-- process has not been heard of for 3 seconds and this one ($6) all the time: with the 1 second that it may take to look, 4
-- in all. Never one that this process is sending ($7): its outcome may wait for a database that was away.
WITH picked AS (
    SELECT o.delivery_id, o.alert_id FROM deliveries o
    WHERE ((o.state = 'due' AND o.due_at <= $1 AND NOT o.together)
        OR (o.state = 'sending'
            AND o.delivery_id <> ALL ($7::uuid[])
            AND (o.claimed_until < $1
              OR EXISTS (SELECT FROM worker_heartbeats w, worker_heartbeats me
                         WHERE w.worker_id = o.claimed_by AND w.beaten_at < clock_timestamp() - interval '3 seconds'
                           AND me.worker_id = $6 AND me.beaten_at > clock_timestamp() - interval '3 seconds'
                           AND me.beating_since < clock_timestamp() - interval '3 seconds'))))
      AND NOT EXISTS (
          SELECT FROM unnest($3::text[], $4::text[], $5::text[]) AS busy (clinic_id, contact, channel)
          WHERE busy.clinic_id = o.clinic_id AND busy.contact = o.contact AND busy.channel = o.channel)
    ORDER BY o.follow_up, priority_rank(o.priority), o.due_at
    LIMIT 1 FOR UPDATE SKIP LOCKED)
UPDATE deliveries d
SET state = 'sending', claimed_until = $2, claimed_by = $6, attempts = attempts + 1, held_by = NULL, held_silence = NULL
FROM picked LEFT JOIN alerts a ON a.alert_id = picked.alert_id
LEFT JOIN implantations i  -- whom the alert is about, whoever has the pump now; null means the first, save where it is about nobody
    ON i.pump_id = a.pump_id AND a.rule <> 'pump_unjudged'
   AND (i.implantation_id = a.implantation_id OR (a.implantation_id IS NULL AND i.began_at = '-infinity'))
   AND EXISTS (SELECT FROM devices v WHERE v.device_id = a.pump_id AND v.clinic_id = a.clinic_id)  -- the reference is that clinic's
WHERE d.delivery_id = picked.delivery_id
RETURNING d.delivery_id, d.clinic_id, d.contact, d.channel, d.kind, d.episode, d.step, d.priority, d.title, d.body, d.attempts,
          d.created_at, a.pump_id, a.rule, a.alert_id, a.key, i.patient_ref,
          CASE WHEN d.follow_up THEN a.state = CASE d.kind WHEN 'reopened' THEN 'active' ELSE d.kind END
               WHEN a.alert_id IS NOT NULL THEN a.state = 'active'
               WHEN d.kind <> 'group' THEN true
               ELSE EXISTS (SELECT FROM deliveries f JOIN alerts fa ON fa.alert_id = f.alert_id
                            WHERE f.group_id = d.delivery_id AND fa.state = 'active') END AS wanted;

-- name: record_cancelled
-- $2: it may have gone out, to a receiver that is to hear how the alert goes on.
UPDATE deliveries SET state = 'cancelled', claimed_until = NULL, follows = follows OR $2
WHERE delivery_id = $1 OR (group_id = $1 AND state = 'grouped');

-- name: record_sent
UPDATE deliveries SET state = 'sent', sent_at = $2, claimed_until = NULL, last_error = NULL, follows = $3
WHERE delivery_id = $1 OR (group_id = $1 AND state = 'grouped');

-- name: record_retry
-- Once nobody is to be told any more, a page that could not be sent is not tried again. Pages of a group wait with it.
UPDATE deliveries d
SET state = CASE WHEN d.state = 'grouped' THEN 'grouped' WHEN a.state IS DISTINCT FROM 'active' AND d.alert_id IS NOT NULL
                      AND NOT d.follow_up THEN 'cancelled' ELSE 'due' END,
    due_at = $2, claimed_until = NULL, last_error = $3, follows = d.follows OR $4
FROM deliveries self LEFT JOIN alerts a ON a.alert_id = self.alert_id
WHERE d.delivery_id = self.delivery_id AND (self.delivery_id = $1 OR (self.group_id = $1 AND self.state = 'grouped'));

-- name: record_failed
UPDATE deliveries SET state = 'failed', claimed_until = NULL, last_error = $2
WHERE delivery_id = $1 OR (group_id = $1 AND state = 'grouped');

-- name: record_held
-- Not now: something holds the page ($3 which reason, $4 which silence, if it is one) until $2.
UPDATE deliveries
SET state = 'due', due_at = $2, held_by = $3, held_silence = $4, claimed_until = NULL,
    attempts = CASE WHEN state = 'sending' THEN attempts - 1 ELSE attempts END
WHERE delivery_id = $1;

-- name: insert_instead
-- Somebody else, or another channel, for the page $1 (or for every page of the group $1) that could not be sent. $5: how
-- many steps after it this is. $6: it waits for others like it. $7: by which policy it is planned.
INSERT INTO deliveries (alert_id, clinic_id, kind, episode, step, contact, channel, priority, title, body, together,
                        created_at, due_at, repeats, policy_version)
SELECT s.alert_id, s.clinic_id, s.kind, s.episode, s.step + $5, $2, $3, s.priority, s.title, s.body, $6, $4, $4, s.repeats, $7
FROM deliveries s LEFT JOIN alerts a ON a.alert_id = s.alert_id
WHERE (s.group_id = $1 OR (s.delivery_id = $1 AND s.kind <> 'group'))
  AND (a.state = 'active' OR a.alert_id IS NULL) AND NOT s.follow_up
ON CONFLICT DO NOTHING;

-- name: anybody_follows
SELECT EXISTS (SELECT FROM deliveries WHERE follows);

-- name: insert_follow_ups
-- What receivers that follow an alert have not been told by $1 of its newest state. That it is active again they hear by a
-- page, unless nobody is paged for that.
INSERT INTO deliveries (alert_id, clinic_id, kind, episode, contact, channel, priority, title, body, created_at, due_at, follow_up)
SELECT DISTINCT ON (d.alert_id, d.contact, d.channel)
       d.alert_id, d.clinic_id, n.kind, n.episode, d.contact, d.channel, a.priority, d.title, d.body, $1, $1, true
FROM deliveries d JOIN alerts a USING (alert_id)
CROSS JOIN LATERAL (
    SELECT CASE a.state WHEN 'active' THEN 'reopened' ELSE a.state END AS kind, t.clinic_seq::text AS episode, t.reason
    FROM alert_transitions t WHERE t.alert_id = a.alert_id AND t.from_state IS DISTINCT FROM t.to_state
    ORDER BY t.clinic_seq DESC LIMIT 1) n
WHERE d.follows AND (a.state <> 'active' OR n.reason = 'condition_flapped')
  AND NOT EXISTS (SELECT FROM deliveries f WHERE f.alert_id = d.alert_id AND f.contact = d.contact AND f.channel = d.channel
                    AND f.kind = n.kind AND f.episode = n.episode)
ORDER BY d.alert_id, d.contact, d.channel, d.created_at DESC
ON CONFLICT DO NOTHING;

-- name: stop_following
-- What has been closed for a day at $1 does not return (a policy's flapping_minutes are a day at most).
UPDATE deliveries d SET follows = false FROM alerts a
WHERE d.follows AND a.alert_id = d.alert_id AND a.state = 'closed' AND a.closed_at < $1::timestamptz - interval '1 day';

-- name: lock_grouping
-- One process at a time puts pages together, so that there is one group and not two. Its commit waits for no disk: the
-- claim of a page, which is later, waits for both, and where neither came to be the pages are still waiting.
SELECT true, set_config('synchronous_commit', 'off', true) FROM turns WHERE name = 'grouping' FOR UPDATE SKIP LOCKED;

-- name: kinds_waiting
-- The kinds of pages that wait for more of their kind at $1, and when one page for many last went out of each. Later steps
-- (1) are one kind: alerts that opened at different times stand at different ones, and say the same.
SELECT w.*, (SELECT max(g.created_at) FROM deliveries g
             WHERE g.kind = 'group' AND g.clinic_id = w.clinic_id AND g.contact = w.contact AND g.channel = w.channel
               AND g.priority = w.priority AND least(g.step, 1) = w.step AND starts_with(g.episode, w.rule || ':')) AS last_group_at
FROM (
    SELECT d.clinic_id, d.contact, d.channel, a.rule, d.priority, least(d.step, 1) AS step, count(*) AS count, min(d.due_at) AS first_at, max(d.due_at) AS last_at
    FROM deliveries d JOIN alerts a USING (alert_id)
    WHERE d.state = 'due' AND d.together AND d.due_at <= $1
    GROUP BY 1, 2, 3, 4, 5, 6) w;

-- name: pages_of_kind
-- The pages of one kind that wait at $7, each with the pump that it is about.
SELECT d.delivery_id, a.pump_id
FROM deliveries d JOIN alerts a USING (alert_id)
WHERE d.state = 'due' AND d.together AND d.due_at <= $7 AND d.clinic_id = $1 AND d.contact = $2 AND d.channel = $3
  AND a.rule = $4 AND d.priority = $5 AND least(d.step, 1) = $6
FOR UPDATE OF d;

-- name: release_pages
UPDATE deliveries SET together = false WHERE delivery_id = ANY ($1::uuid[]);

-- name: insert_group
INSERT INTO deliveries (clinic_id, kind, episode, step, contact, channel, priority, title, body, created_at, due_at)
VALUES ($1, 'group', $2, $3, $4, $5, $6, $7, $8, $9, $9)
RETURNING delivery_id;

-- name: join_group
UPDATE deliveries SET state = 'grouped', group_id = $2 WHERE delivery_id = ANY ($1::uuid[]);

-- name: insert_notice
-- A page about Pumpwatch itself; one that exists already stays as it is.
INSERT INTO deliveries (clinic_id, kind, episode, contact, channel, priority, title, body, created_at, due_at)
SELECT clinic_id, 'notice', episode, contact, channel, priority, title, body, $7, $7
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $8::text[])
     AS n (clinic_id, episode, contact, channel, title, body, priority)
ON CONFLICT DO NOTHING
RETURNING delivery_id;

-- name: insert_silence
INSERT INTO silences (clinic_id, kind, pump_id, rule, includes_high, reason, created_by, created_at, begins_at, ends_at, created_by_id)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
RETURNING silence_id;

-- name: silences_now
-- What may hold pages of the clinic $1 at $2.
SELECT silence_id, clinic_id, kind, pump_id, rule, includes_high, reason, created_by, created_at, begins_at, ends_at
FROM silences WHERE clinic_id = $1 AND ended_at IS NULL AND begins_at <= $2 AND ends_at > $2;

-- name: list_silences
-- Silences of the clinic $1 (null: of all) that hold or are to come at $2.
SELECT silence_id, clinic_id, kind, pump_id, rule, includes_high, reason, created_by, created_at, begins_at, ends_at
FROM silences WHERE ($1::text IS NULL OR clinic_id = $1) AND ended_at IS NULL AND ends_at > $2
ORDER BY begins_at, silence_id;

-- name: end_silence
UPDATE silences SET ended_at = $2, ended_by = $3, ended_by_id = $4
WHERE silence_id = $1 AND ended_at IS NULL AND ends_at > $2 RETURNING clinic_id;

-- name: release_held
-- A silence has ended before its time: what it held is due.
UPDATE deliveries SET due_at = $2, held_by = NULL, held_silence = NULL WHERE held_silence = $1 AND state = 'due';

-- name: clinic_exists
SELECT EXISTS (SELECT FROM clinics WHERE clinic_id = $1);

-- name: pump_is_watched
SELECT EXISTS (SELECT FROM devices WHERE device_id = $2 AND clinic_id = $1 AND kind = 'pump' AND retired_at IS NULL);

-- name: pumps_watched
SELECT device_id FROM devices WHERE clinic_id = $1 AND kind = 'pump' AND retired_at IS NULL ORDER BY device_id LIMIT 20000;

-- name: told_of_taken
-- Who was told of alerts that were taken after $1, heard of by the database in the last 15 minutes, and has not heard yet
-- who has them: of the episode that was taken or passed on, and of pages that went out past the database.
SELECT DISTINCT a.alert_id, a.clinic_id, a.pump_id, a.rule, a.key, a.title, a.priority, d.contact, d.channel, a.acknowledged_by,
       a.acknowledged_by_id, t.clinic_seq
FROM alerts a
JOIN LATERAL (SELECT clinic_seq, recorded_at FROM alert_transitions WHERE alert_id = a.alert_id AND kind IN ('acknowledged', 'passed_on')
              ORDER BY clinic_seq DESC LIMIT 1) t ON t.recorded_at > clock_timestamp() - interval '15 minutes'
JOIN LATERAL (SELECT max(at) AS at FROM alert_transitions WHERE alert_id = a.alert_id AND clinic_seq < t.clinic_seq
                AND kind IN ('opened', 'returned', 'acknowledgement_expired')) began ON true
JOIN deliveries d ON d.alert_id = a.alert_id AND NOT d.follow_up AND d.state = 'sent'
                 AND (d.created_at >= began.at OR d.bypassed)
WHERE a.state = 'acknowledged' AND a.acknowledged_at > $1 AND a.acknowledged_by IS NOT NULL
  AND NOT EXISTS (SELECT FROM deliveries f WHERE f.alert_id = a.alert_id AND f.kind = 'acknowledged'
                    AND f.episode = t.clinic_seq::text AND f.contact = d.contact AND f.channel = d.channel);

-- name: insert_who_has_it
-- A follow-up: nobody acts upon it, and it is over when the alert is active again.
INSERT INTO deliveries (alert_id, clinic_id, kind, episode, contact, channel, priority, title, body, created_at, due_at, follow_up)
SELECT alert_id, clinic_id, 'acknowledged', episode, contact, channel, 'info', title, body, $8, $8, true
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[])
     AS n (alert_id, clinic_id, episode, contact, channel, title, body)
ON CONFLICT DO NOTHING;
