-- Alert quality.

-- name: quality_alerts
SELECT count(*) AS alerts FROM dashboard.alert_answers_between($__timeFrom()::timestamptz, $__timeTo()::timestamptz)
WHERE clinic_id IN (${clinic:sqlstring});

-- name: quality_answered
SELECT 100 * count(*) FILTER (WHERE answered)::float8 / nullif(count(*), 0) AS percent
FROM dashboard.alert_answers_between($__timeFrom()::timestamptz, $__timeTo()::timestamptz)
WHERE clinic_id IN (${clinic:sqlstring}) AND priority IN ('high', 'medium');

-- name: quality_median
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY date_part('epoch', taken_at - opened_at)) AS seconds
FROM dashboard.alert_answers_between($__timeFrom()::timestamptz, $__timeTo()::timestamptz)
WHERE clinic_id IN (${clinic:sqlstring}) AND taken_at IS NOT NULL;

-- name: quality_per_pump_week
SELECT count(*) * 7.0 * 86400 / nullif((SELECT count(*) FROM dashboard.devices WHERE kind = 'pump' AND clinic_id IN (${clinic:sqlstring}))
           * date_part('epoch', $__timeTo()::timestamptz - $__timeFrom()::timestamptz), 0) AS alerts
FROM dashboard.alert_answers_between($__timeFrom()::timestamptz, $__timeTo()::timestamptz)
WHERE clinic_id IN (${clinic:sqlstring});

-- name: quality_by_rule
SELECT replace(rule, '_', ' ') AS rule, count(*) AS alerts, 100 * count(*) FILTER (WHERE answered)::float8 / count(*) AS answered,
       count(*) FILTER (WHERE NOT answered AND state = 'closed') AS "over, nobody answered",
       percentile_cont(0.5) WITHIN GROUP (ORDER BY date_part('epoch', taken_at - opened_at)) AS "median",
       percentile_disc(0.9) WITHIN GROUP (ORDER BY date_part('epoch', taken_at - opened_at)) AS "nine of ten",
       coalesce(sum(flaps), 0) AS "came back at once"
FROM dashboard.alert_answers_between($__timeFrom()::timestamptz, $__timeTo()::timestamptz)
WHERE clinic_id IN (${clinic:sqlstring})
GROUP BY rule ORDER BY count(*) DESC, rule;

-- name: quality_by_priority
SELECT $__timeGroupAlias(opened_at,$__interval), count(*) FILTER (WHERE priority = 'high') AS high,
       count(*) FILTER (WHERE priority = 'medium') AS medium, count(*) FILTER (WHERE priority = 'low') AS low,
       count(*) FILTER (WHERE priority = 'info') AS info
FROM dashboard.alert_answers_between($__timeFrom()::timestamptz, $__timeTo()::timestamptz)
WHERE clinic_id IN (${clinic:sqlstring})
GROUP BY 1
ORDER BY 1;

-- name: quality_by_hour
-- The hour is of UTC.
SELECT to_char(hour, 'FM00') || ' h' AS hour, coalesce(alerts, 0) AS alerts
FROM generate_series(0, 23) AS hour
LEFT JOIN (
    SELECT date_part('hour', opened_at AT TIME ZONE 'UTC')::integer AS hour, count(*) AS alerts
    FROM dashboard.alert_answers_between($__timeFrom()::timestamptz, $__timeTo()::timestamptz)
    WHERE clinic_id IN (${clinic:sqlstring}) AND priority IN ('high', 'medium')
    GROUP BY 1) opened USING (hour)
ORDER BY 1;

-- name: quality_busiest
SELECT pump_id AS pump, count(*) AS alerts, count(*) FILTER (WHERE priority = 'high') AS high,
       replace(mode() WITHIN GROUP (ORDER BY rule), '_', ' ') AS "mostly"
FROM dashboard.alert_answers_between($__timeFrom()::timestamptz, $__timeTo()::timestamptz)
WHERE clinic_id IN (${clinic:sqlstring})
GROUP BY pump_id ORDER BY count(*) DESC, pump_id
LIMIT 20;
