-- Alerts and their audit trail. Times are parameters, so that everything can be replayed.

-- name: open_alerts
-- Alerts of the pumps $1 that are not closed, each with its pages so far, the occasions that have deliveries, what
-- waits, what became of each episode's pages, and of which priorities somebody was told. And the newest that closed after $2, where no other has opened since; and every
-- one that a person has resolved, because what it was about may still be so.
SELECT a.alert_id, a.clinic_id, a.pump_id, a.rule, a.key, a.priority, a.state, a.since, a.title, a.explanation, a.said,
       a.evidence, a.acknowledged_by, a.acknowledgement_expires_at, coalesce(a.closed_at, a.cleared_at) AS ended_at,
       a.resolved_by, a.accepted_by, a.acknowledged_by_id, a.resolved_by_id, a.accepted_by_id, a.implantation_id, a.calm_since, p.kinds, p.seqs, p.moments, p.priorities, p.from_states, p.reasons, o.*, t.*
FROM (
    SELECT * FROM alerts WHERE pump_id = ANY ($1::text[]) AND state <> 'closed'
    UNION ALL
    SELECT * FROM (
        SELECT DISTINCT ON (pump_id, rule, key) * FROM alerts
        WHERE pump_id = ANY ($1::text[]) AND state = 'closed' AND closed_at > $2 AND resolved_at IS NULL
        ORDER BY pump_id, rule, key, closed_at DESC) closed
    WHERE NOT EXISTS (SELECT FROM alerts other WHERE other.state <> 'closed' AND other.pump_id = closed.pump_id
                        AND other.rule = closed.rule AND other.key = closed.key)
    UNION ALL
    SELECT * FROM alerts WHERE pump_id = ANY ($1::text[]) AND resolved_at IS NOT NULL) a
LEFT JOIN LATERAL (
    SELECT array_agg(kind ORDER BY clinic_seq) AS kinds, array_agg(clinic_seq ORDER BY clinic_seq) AS seqs,
           array_agg(at ORDER BY clinic_seq) AS moments, array_agg(priority ORDER BY clinic_seq) AS priorities,
           array_agg(from_state ORDER BY clinic_seq) AS from_states, array_agg(reason ORDER BY clinic_seq) AS reasons
    FROM alert_transitions
    WHERE alert_id = a.alert_id
      AND kind IN ('opened', 'priority_raised', 'acknowledgement_expired', 'returned')) p ON true
LEFT JOIN LATERAL (  -- repeats without end are counted, not listed; a route has fewer steps than these
    SELECT array_agg(kind) FILTER (WHERE NOT repeats OR step < 100) AS occasion_kinds,
           array_agg(episode) FILTER (WHERE NOT repeats OR step < 100) AS occasion_episodes,
           array_agg(step) FILTER (WHERE NOT repeats OR step < 100) AS occasion_steps,
           array_agg(contact) FILTER (WHERE state IN ('due', 'sending', 'grouped')) AS waiting_contacts,
           array_agg(channel) FILTER (WHERE state IN ('due', 'sending', 'grouped')) AS waiting_channels,
           array_agg((state = 'due' AND attempts > 0 AND held_by IS NULL) OR (state = 'sending' AND attempts > 1))
               FILTER (WHERE state IN ('due', 'sending', 'grouped')) AS waiting_fails,
           CASE WHEN NOT bool_or(state = 'cancelled') THEN array_agg(DISTINCT priority) FILTER (WHERE state = 'sent') END
               AS notified
    FROM deliveries WHERE alert_id = a.alert_id AND NOT follow_up) o ON true
LEFT JOIN LATERAL (
    SELECT array_agg(kind) AS told_kinds, array_agg(episode) AS told_episodes, array_agg(step) AS told_steps,
           array_agg(at) AS told_at, array_agg(reached) AS told_reached, array_agg(version) AS told_versions
    FROM (SELECT kind, episode, max(step) AS step, max(coalesce(sent_at, created_at)) AS at,
                 bool_or(state IN ('due', 'sending', 'grouped', 'sent')) AS reached,
                 (array_agg(policy_version ORDER BY created_at DESC, step DESC))[1] AS version
          FROM deliveries WHERE alert_id = a.alert_id AND NOT follow_up GROUP BY kind, episode) e) t ON true
ORDER BY a.pump_id, a.rule, a.key;

-- name: insert_alerts
INSERT INTO alerts (alert_id, clinic_id, pump_id, rule, key, priority, state, title, explanation, said, evidence, since,
                    opened_at, updated_at, policy_version, implantation_id)
SELECT alert_id, clinic_id, pump_id, rule, key, priority, 'active', title, explanation, said::jsonb, evidence::jsonb, since, $11, $11,
       version, implantation
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[],
            $10::timestamptz[], $12::text[], $13::bigint[], $14::text[])
     AS new (alert_id, clinic_id, pump_id, rule, key, priority, title, explanation, evidence, since, version, implantation, said);

-- name: update_alerts
-- What changed of each alert. Null text: it stays, and what it says with it. A priority, state or time that does not change is given as it is.
UPDATE alerts a
SET state = n.state, priority = n.priority,
    title = coalesce(n.title, a.title), explanation = coalesce(n.explanation, a.explanation),
    said = CASE WHEN n.explanation IS NULL THEN a.said ELSE n.said::jsonb END,
    evidence = coalesce(n.evidence::jsonb, a.evidence), since = coalesce(n.since, a.since),
    policy_version = coalesce(n.version, a.policy_version), updated_at = $9, calm_since = n.calm_since,
    acknowledged_by = CASE WHEN n.state = 'active' THEN NULL ELSE a.acknowledged_by END,
    acknowledged_by_id = CASE WHEN n.state = 'active' THEN NULL ELSE a.acknowledged_by_id END,
    acknowledged_at = CASE WHEN n.state = 'active' THEN NULL ELSE a.acknowledged_at END,
    acknowledgement_expires_at = CASE WHEN n.state = 'active' THEN NULL ELSE a.acknowledgement_expires_at END,
    cleared_at = CASE WHEN n.state IN ('cleared', 'closed') THEN coalesce(a.cleared_at, $9) END,
    closed_at = CASE WHEN n.state = 'closed' THEN $9 END
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::timestamptz[], $8::text[],
            $10::timestamptz[], $11::text[])
     AS n (alert_id, state, priority, title, explanation, evidence, since, version, calm_since, said)
WHERE a.alert_id = n.alert_id;

-- name: append_transitions
-- The number of each row in its clinic's trail. The database says by itself when, and by which login.
SELECT alert_id, clinic_seq FROM append_to_audit($1, $2, $3, $4, $5, $6, $7, $8, $9, $10);

-- name: cancel_deliveries
-- Nobody is to be told any more: the condition is over, or a person has it.
UPDATE deliveries SET state = 'cancelled' WHERE alert_id = ANY ($1::uuid[]) AND state = 'due';

-- name: pump_of_alert
SELECT pump_id FROM alerts WHERE alert_id = $1;

-- name: lock_pump
-- Lock one pump without counting it as evaluated.
INSERT INTO pump_evaluations (pump_id, evaluated_at) VALUES ($1, '2000-01-01Z')
ON CONFLICT (pump_id) DO UPDATE SET evaluated_at = pump_evaluations.evaluated_at;

-- name: lock_alert
SELECT alert_id, clinic_id, pump_id, rule, key, priority, state, since, title, explanation, said, evidence,
       acknowledged_by, acknowledgement_expires_at, coalesce(closed_at, cleared_at) AS ended_at, resolved_by, accepted_by,
       acknowledged_by_id, resolved_by_id, accepted_by_id, implantation_id, calm_since
FROM alerts WHERE alert_id = $1 FOR UPDATE;

-- name: set_acknowledged
UPDATE alerts
SET state = $2::text, acknowledged_by = $3, acknowledged_at = $4::timestamptz, acknowledgement_expires_at = $5,
    acknowledged_by_id = $6, updated_at = $4::timestamptz, closed_at = CASE WHEN $2::text = 'closed' THEN $4::timestamptz END
WHERE alert_id = $1;

-- name: set_resolved
UPDATE alerts
SET state = 'closed', resolved_by = $2, resolution = $3, resolved_by_id = $5, resolved_at = $4::timestamptz, closed_at = $4::timestamptz,
    updated_at = $4::timestamptz
WHERE alert_id = $1;

-- name: set_accepted
UPDATE alerts
SET state = 'closed', accepted_by = $2, acceptance = $3, accepted_at = $4::timestamptz, closed_at = $4::timestamptz,
    updated_at = $4::timestamptz, accepted_since = $5, accepted_per_day = $6, accepted_by_id = $7
WHERE alert_id = $1;

-- name: queue_pump
INSERT INTO evaluation_queue (pump_ids) VALUES (ARRAY[$1::text]);
