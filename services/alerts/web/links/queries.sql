-- What a link is about.

-- name: linked_person
-- Who answers, with their roles; disabled: nobody.
SELECT p.person_id, p.name, p.sign_in,
       (SELECT coalesce(jsonb_object_agg(r.clinic_id, r.role), '{}') FROM person_roles r WHERE r.person_id = p.person_id) AS roles
FROM persons p WHERE p.person_id = $1 AND p.disabled_at IS NULL;

-- name: linked_alert
SELECT alert_id, clinic_id, pump_id, rule, key, priority, state, title, explanation, said, opened_at, acknowledged_by, acknowledged_by_id
FROM alerts WHERE alert_id = $1;

-- name: alert_of_event
-- The alert to which the pages about the event $1 belong that went out past the database; settled: it is known, or is over.
SELECT alert_id, settled_at IS NOT NULL AS settled FROM bypassed_pages WHERE event_id = $1
ORDER BY alert_id NULLS LAST LIMIT 1;

-- name: became_worse
-- Whether somebody was to be told anew of the alert $1 after $2.
SELECT EXISTS (SELECT FROM alert_transitions WHERE alert_id = $1 AND at > $2
                 AND kind IN ('priority_raised', 'returned', 'acknowledgement_expired'));
