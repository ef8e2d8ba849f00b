-- What pictures are drawn from.

-- name: time_of_alert
-- The pump of the alert $1, and the time of which its picture is: $3 before $2, or before the alert was closed, of its patient alone.
SELECT a.pump_id, ends.until, greatest(ends.until - $3::interval, i.began_at) AS since
FROM alerts a
LEFT JOIN LATERAL (SELECT began_at FROM implantations i
                   WHERE i.pump_id = a.pump_id AND (i.implantation_id = a.implantation_id
                                                    OR a.implantation_id IS NULL AND i.began_at = '-infinity')
                   LIMIT 1) i ON true
CROSS JOIN LATERAL (SELECT least($2::timestamptz, a.closed_at, min(n.began_at)) AS until FROM implantations n
                    WHERE n.pump_id = a.pump_id AND n.began_at > coalesce(i.began_at, '-infinity')) ends
WHERE a.alert_id = $1;

-- name: levels
-- What is known of the level in the pump $1 from $2 to $3: of what is computed, and of what is measured, the last of each $4.
SELECT known.at, known.volume_ml, known.basis FROM (
    (SELECT DISTINCT ON (r.basis, date_bin($4::interval, judged.at, '2000-01-01Z')) judged.at, r.volume_ml, r.basis
     FROM reservoir_readings r CROSS JOIN LATERAL (SELECT judged_at(r.observed_at, r.received_at) AS at) judged
     WHERE r.pump_id = $1 AND r.observed_at >= $2::timestamptz AND judged.at BETWEEN $2 AND $3::timestamptz
     ORDER BY r.basis, date_bin($4::interval, judged.at, '2000-01-01Z'), judged.at DESC, r.received_at DESC)
    UNION ALL
    (SELECT judged.at, f.filled_ml, 'refill'
     FROM refills f CROSS JOIN LATERAL (SELECT judged_at(f.observed_at, f.received_at) AS at) judged
     WHERE f.pump_id = $1 AND f.observed_at >= $2::timestamptz AND judged.at BETWEEN $2 AND $3::timestamptz
       AND NOT EXISTS (SELECT FROM refills c WHERE c.pump_id = f.pump_id AND c.replaces = f.event_id AND c.event_id <> f.event_id))
    ) known
ORDER BY known.at, known.basis DESC;
