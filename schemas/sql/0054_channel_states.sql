-- Whether a person of the clinics of who asks can be told (docs/decisions/0043-on-call-on-the-board.md). All editions.
-- Of the address only its kind: it may hold a token. The channels themselves are that person's alone (migration 0053).
CREATE VIEW web.channel_states WITH (security_barrier) AS
SELECT person_id, position, name, coalesce(substring(url FROM '^[A-Za-z0-9.+-]+://'), '') AS kind, verified_at, failing_since
FROM public.person_channels
WHERE person_id IN (SELECT person_id FROM public.person_roles WHERE clinic_id = ANY ((SELECT web.clinics())::text[]));
