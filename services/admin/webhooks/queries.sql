-- What went to programs, and what is to go to them again.

-- name: messages_sent
-- What went, or should have gone, to the channel $3 of the contact $2 of the clinic $1 from $4 up to $5, in that order; at most $6.
-- What went past a database that was away had another id (services/alerts/outage); what was erased says nothing any more.
SELECT delivery_id, kind, episode, step, state, coalesce(sent_at, created_at) AS at, attempts, last_error
FROM deliveries
WHERE clinic_id = $1 AND contact = $2 AND channel = $3 AND state IN ('sent', 'failed') AND NOT bypassed AND body <> 'Erased'
  AND coalesce(sent_at, created_at) >= $4 AND coalesce(sent_at, created_at) < $5
ORDER BY coalesce(sent_at, created_at), created_at, delivery_id LIMIT $6;

-- name: insert_replay
INSERT INTO webhook_replays (clinic_id, contact, channel, since, until, asked_by, asked_at, due_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $7)
ON CONFLICT DO NOTHING RETURNING replay_id;

-- name: insert_resends
-- $2: in the order in which they went.
INSERT INTO webhook_resends (replay_id, position, delivery_id)
SELECT $1, n.position, n.delivery_id FROM unnest($2::uuid[]) WITH ORDINALITY AS n (delivery_id, position);

-- name: list_replays
-- The newest first, of the clinic $1 (null: of all); at most $2.
SELECT r.replay_id, r.clinic_id, r.contact, r.channel, r.since, r.until, r.asked_by, r.asked_at, r.ended_at, r.stopped,
       count(*) AS messages, count(*) FILTER (WHERE s.ended_at IS NOT NULL AND s.error IS NULL) AS sent,
       count(*) FILTER (WHERE s.error IS NOT NULL) AS refused, max(s.error) AS error
FROM webhook_replays r JOIN webhook_resends s USING (replay_id)
WHERE $1::text IS NULL OR r.clinic_id = $1
GROUP BY r.replay_id ORDER BY r.asked_at DESC, r.replay_id LIMIT $2;
