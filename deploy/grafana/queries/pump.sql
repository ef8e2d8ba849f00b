-- One pump.

-- name: pump_now
SELECT volume_ml AS volume, volume_ml - low_reservoir_ml AS left, refill_due - current_date AS refill,
       greatest(volume_ml - low_reservoir_ml, 0) / nullif(daily_ml, 0)
           - date_part('epoch', now() - volume_observed_at) / 86400 AS days,
       greatest(volume_ml - low_reservoir_ml, 0) / nullif(most_daily_ml, 0)
           - date_part('epoch', now() - volume_observed_at) / 86400 AS least_days,
       last_heard_at AS heard, open_alerts AS alerts, unacknowledged_alerts AS unacknowledged
FROM dashboard.pumps_of(${pump:sqlstring})
LEFT JOIN dashboard.programmes_of(${pump:sqlstring}) USING (pump_id);

-- name: pump_refill_marks
-- Character 822 strikes out the one before it: what was corrected since.
SELECT judged_at AS time,
       CASE WHEN replaced THEN 'Refill, since corrected: ' || regexp_replace(volumes, '.', '\&' || chr(822), 'g')
            ELSE 'Refill: ' || volumes END AS text
FROM dashboard.refills_of(${pump:sqlstring}, $__timeFrom()::timestamptz), LATERAL (
    SELECT round(filled_ml::numeric, 1) || ' mL in, ' || round(measured_ml::numeric, 1) || ' mL found, '
        || round(expected_ml::numeric, 1) || ' mL expected' AS volumes) AS each
WHERE $__timeFilter(judged_at)
ORDER BY 1;

-- name: pump_alarm_marks
SELECT judged_at AS time, replace(code, '_', ' ') || ' ' || state AS text, code AS tags
FROM dashboard.alarms_of(${pump:sqlstring}, $__timeFrom()::timestamptz)
WHERE $__timeFilter(judged_at)
ORDER BY 1;

-- name: pump_volume
SELECT $__timeGroupAlias(judged_at,$__interval), basis AS metric, min(volume_ml) AS volume
FROM dashboard.reservoir_of(${pump:sqlstring}, $__timeFrom()::timestamptz)
WHERE $__timeFilter(judged_at)
GROUP BY 1, 2
ORDER BY 1;

-- name: pump_alarm_level
SELECT greatest(judged_at, $__timeFrom()::timestamptz) AS "time", 'alarm level' AS metric,
       low_reservoir_ml AS volume
FROM dashboard.therapies_of(${pump:sqlstring})
WHERE judged_at <= $__timeTo()::timestamptz AND NOT replaced
UNION ALL
SELECT $__timeTo()::timestamptz, 'alarm level', low_reservoir_ml
FROM dashboard.pumps_of(${pump:sqlstring})
ORDER BY 1;

-- name: pump_boluses
SELECT time, delivered, denied_lockout AS "refused in lockout", denied_limit AS "refused at limit",
       denied_other AS "refused, other", comm_failure AS "outcome unknown"
FROM dashboard.boluses_daily_of(${pump:sqlstring}, $__timeFrom()::timestamptz)
WHERE $__timeFilter(time)
ORDER BY time;

-- name: pump_usual_boluses
-- Requests a day over the 28 days before each day. A day of which nothing was heard counts as one without requests here.
SELECT day AS time, (
    SELECT sum(delivered + denied_lockout + denied_limit + denied_other + comm_failure) / 28.0
    FROM dashboard.boluses_daily_of(${pump:sqlstring}, $__timeFrom()::timestamptz - interval '29 days') b
    WHERE b.time >= day - interval '28 days' AND b.time < day) AS "usual a day"
FROM generate_series(date_trunc('day', $__timeFrom()::timestamptz), $__timeTo()::timestamptz, '1 day') AS day
ORDER BY day;

-- name: pump_battery
SELECT $__timeGroupAlias(judged_at,$__interval), device_id AS metric, min(battery_percent) AS battery
FROM dashboard.statuses_of(${pump:sqlstring}, $__timeFrom()::timestamptz)
WHERE $__timeFilter(judged_at) AND battery_percent IS NOT NULL
GROUP BY 1, 2
ORDER BY 1;

-- name: pump_alerts
SELECT alert_id, opened_at AS opened, priority, state, title, explanation,
       coalesce(acknowledged_by, 'nobody') AS "acknowledged by",
       extract(epoch FROM acknowledged_at - opened_at) AS "after", cleared_at AS cleared
FROM dashboard.alerts_of(${pump:sqlstring})
ORDER BY opened_at DESC
LIMIT 100;

-- name: pump_transitions
SELECT time, title, kind AS what, to_state AS state, priority, reason, actor AS "by"
FROM dashboard.alert_transitions_of(${pump:sqlstring})
WHERE $__timeFilter(time)
ORDER BY time DESC
LIMIT 200;

-- name: pump_alarms
SELECT time, replace(code, '_', ' ') AS alarm, state, coalesce(detail, '') AS detail,
       extract(epoch FROM received_at - time) AS "heard after"
FROM dashboard.alarms_of(${pump:sqlstring}, $__timeFrom()::timestamptz)
WHERE $__timeFilter(judged_at)
ORDER BY judged_at DESC, received_at DESC
LIMIT 100;

-- name: pump_reports
SELECT time, replace(complaint, '_', ' ') AS complaint, score
FROM dashboard.reports_of(${pump:sqlstring}, $__timeFrom()::timestamptz)
WHERE $__timeFilter(judged_at)
ORDER BY judged_at DESC
LIMIT 100;

-- name: pump_therapies
SELECT time AS programmed,
       (SELECT regexp_replace(string_agg((drug ->> 'name') || ' ' || (drug ->> 'concentration_mcg_per_ml') || ' mcg/mL', ', '),
                              '.', '\&' || struck, 'g')
        FROM jsonb_array_elements(drugs) AS drug) AS drugs,
       (SELECT regexp_replace(string_agg((step ->> 'from') || ' ' || (step ->> 'rate_ml_per_day') || ' mL/day', ', '),
                              '.', '\&' || struck, 'g')
        FROM jsonb_array_elements(profile) AS step) AS profile,
       bolus_dose_mcg AS "bolus mcg", bolus_lockout_minutes AS "lockout min",
       bolus_limit_per_24h AS "limit in 24 h", reservoir_size_ml AS reservoir,
       low_reservoir_ml AS "alarm level", to_char(refill_due, 'YYYY-MM-DD') AS "refill due",
       CASE WHEN replaced THEN 'corrected since' ELSE '' END AS note
FROM dashboard.therapies_of(${pump:sqlstring}), LATERAL (SELECT CASE WHEN replaced THEN chr(822) ELSE '' END AS struck) AS each
ORDER BY judged_at DESC
LIMIT 20;
