-- What message services are asked about pages that they took.

-- name: keep_receipt
UPDATE deliveries SET receipt = $2, receipt_ask_at = $3 WHERE delivery_id = $1;

-- name: claim_to_ask
-- Those that are to be asked about at $1. Nobody else gets them before $2.
UPDATE deliveries d SET receipt_ask_at = $2
FROM (SELECT delivery_id FROM deliveries WHERE receipt_ask_at <= $1 ORDER BY receipt_ask_at LIMIT 20 FOR UPDATE SKIP LOCKED) p
WHERE d.delivery_id = p.delivery_id
RETURNING d.delivery_id, d.clinic_id, d.contact, d.channel, d.kind, d.episode, d.step, d.priority, d.attempts, d.receipt,
          coalesce(d.sent_at, d.created_at) AS sent_at;

-- name: record_said
-- $2, $3: what the service said and when that was, if it said something. $4: when it is asked next.
UPDATE deliveries
SET receipt_said = coalesce($2, receipt_said), receipt_said_at = CASE WHEN $2::text IS NULL THEN receipt_said_at ELSE $3::timestamptz END,
    receipt_ask_at = $4
WHERE delivery_id = $1;

-- name: record_not_arrived
-- No phone has it: it has failed, and so have those that went out with it.
UPDATE deliveries
SET state = 'failed', last_error = $2, receipt_said = 'not_arrived', receipt_said_at = $3, receipt_ask_at = NULL
WHERE (delivery_id = $1 OR group_id = $1) AND state = 'sent';
