-- Run on a connection that was told who asks: the view and the triggers know whose clinics these are.

-- name: managed_persons
SELECT person_id, name, sign_in, disabled_at, has_password, by_provider, set_up_until, governed, roles, channels, failing, rang_at,
       seen_at
FROM managed_persons WHERE $1::uuid IS NULL OR person_id = $1
ORDER BY disabled_at IS NOT NULL, name, person_id;
