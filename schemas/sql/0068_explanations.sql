-- What a rule found, as sentences with their values, beside the English explanation (docs/decisions/0060-explanations.md). All editions.

ALTER TABLE alerts ADD COLUMN said jsonb;
COMMENT ON COLUMN alerts.said IS
    'What the explanation says, to be said in another language; null: it is known in English only. The explanation is what counts.';

-- The web process says it in the reader's language.
CREATE OR REPLACE VIEW web.alerts WITH (security_barrier) AS
SELECT alert_id, clinic_id, pump_id, rule, key, priority, state, title, explanation, evidence, since, opened_at, updated_at,
       acknowledged_by, acknowledged_by_id, acknowledged_at, acknowledgement_expires_at, cleared_at, closed_at, policy_version,
       resolved_by, resolved_by_id, resolved_at, resolution, accepted_by, accepted_by_id, accepted_at, acceptance, accepted_since,
       accepted_per_day, implantation_id, calm_since, said
FROM public.alerts WHERE clinic_id = ANY ((SELECT web.clinics())::text[])
WITH CASCADED CHECK OPTION;
