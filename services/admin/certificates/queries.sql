-- Certificates of devices. The caller owns the transaction.

-- name: add_certificate
INSERT INTO certificates (device_id, serial, issuer, fingerprint, not_before, not_after, source, entered_at, entered_by)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING
RETURNING certificate_id;

-- name: of_device
SELECT device_id, serial, issuer, fingerprint, not_before, not_after, source, entered_at, entered_by, revoked_at,
       revoked_by, reason
FROM certificates WHERE device_id = $1 ORDER BY certificate_id;

-- name: of_fingerprint
SELECT device_id, serial, issuer, fingerprint, not_before, not_after, source, entered_at, entered_by, revoked_at,
       revoked_by, reason
FROM certificates WHERE fingerprint = $1;

-- name: revoke
UPDATE certificates SET revoked_at = $2, revoked_by = $3, reason = $4
WHERE fingerprint = ANY ($1::text[]) AND revoked_at IS NULL;

-- name: revoked_of_issuer
SELECT device_id, serial, issuer, fingerprint, not_before, not_after, source, entered_at, entered_by, revoked_at,
       revoked_by, reason
FROM certificates WHERE issuer = $1 AND revoked_at IS NOT NULL ORDER BY certificate_id;

-- name: list_certificates
-- $1 device or null, $2 the newest of each device that ends before then or null, $3 how many. Of a device that is
-- retired nothing ends too soon.
SELECT c.device_id, c.serial, c.issuer, c.fingerprint, c.not_before, c.not_after, c.source, c.entered_at, c.entered_by,
       c.revoked_at, c.revoked_by, c.reason
FROM certificates c
WHERE ($1::text IS NULL OR c.device_id = $1)
  AND ($2::timestamptz IS NULL
       OR c.revoked_at IS NULL AND c.not_after < $2
          AND EXISTS (SELECT FROM devices d WHERE d.device_id = c.device_id AND d.retired_at IS NULL)
          AND NOT EXISTS (SELECT FROM certificates o
                          WHERE o.device_id = c.device_id AND o.revoked_at IS NULL AND o.not_after > c.not_after))
ORDER BY CASE WHEN $2::timestamptz IS NULL THEN NULL ELSE c.not_after END, c.device_id, c.certificate_id
LIMIT $3;
