-- Every query of the dashboards. They read the views and functions of the schema `dashboard` and nothing else, and use of
-- Grafana's macros only the few that tests/contract/grafana/macros.py knows. A view is read whole, whatever is asked of it
-- (docs/decisions/0032-no-plan-for-readers.md): of one pump, use the functions.

-- name: clinics
SELECT clinic_id AS __value, name AS __text FROM dashboard.clinics ORDER BY name;

-- name: board
SELECT DISTINCT url FROM dashboard.board;

-- name: pumps
-- The list follows the clinics that are chosen.
SELECT pump_id FROM dashboard.devices WHERE kind = 'pump' AND clinic_id IN (${clinic:sqlstring}) ORDER BY pump_id;

-- name: clinic_pumps
SELECT count(*) AS pumps FROM dashboard.devices WHERE kind = 'pump' AND clinic_id IN (${clinic:sqlstring});

-- name: clinic_high_unacknowledged
SELECT count(*) AS alerts FROM dashboard.alerts_open()
WHERE state = 'active' AND priority = 'high' AND clinic_id IN (${clinic:sqlstring});

-- name: clinic_open
SELECT count(*) AS alerts FROM dashboard.alerts_open() WHERE clinic_id IN (${clinic:sqlstring});

-- name: clinic_at_alarm_level
SELECT count(*) AS pumps FROM dashboard.pumps
WHERE volume_ml <= low_reservoir_ml AND clinic_id IN (${clinic:sqlstring});

-- name: clinic_refills_soon
SELECT count(*) AS pumps FROM dashboard.pumps WHERE refill_due <= current_date + 7 AND clinic_id IN (${clinic:sqlstring});

-- name: clinic_silent_count
SELECT count(*) AS devices FROM dashboard.devices
WHERE coalesce(last_heard_at, '-infinity') < now() - interval '72 hours' AND clinic_id IN (${clinic:sqlstring});

-- name: clinic_open_alerts
SELECT alert_id, priority, title, pump_id AS pump, opened_at AS opened, since, state,
       coalesce(acknowledged_by, 'nobody') AS "acknowledged by", explanation
FROM dashboard.alerts_open()
WHERE clinic_id IN (${clinic:sqlstring})
ORDER BY priority_rank, opened_at DESC
LIMIT 200;

-- name: clinic_by_state
SELECT state, count(pump_id) AS pumps
FROM (VALUES (1, 'high alert'), (2, 'medium alert'), (3, 'low alert'), (4, 'silent'), (5, 'quiet'))
         AS s (place, state)
LEFT JOIN (
    SELECT pump_id,
           CASE WHEN worst_rank = 3 THEN 'high alert'
                WHEN worst_rank = 2 THEN 'medium alert'
                WHEN worst_rank = 1 THEN 'low alert'
                WHEN coalesce(last_heard_at, '-infinity') < now() - interval '72 hours' THEN 'silent'
                ELSE 'quiet' END AS state
    FROM dashboard.pump_states WHERE clinic_id IN (${clinic:sqlstring})) p USING (state)
GROUP BY place, state ORDER BY place;

-- name: clinic_lowest_reservoirs
-- Days to the alarm level from when the volume was known: by the programme alone, and with every bolus of the limit.
SELECT p.pump_id AS pump, p.volume_ml AS volume, p.low_reservoir_ml AS "alarm level",
       greatest(p.volume_ml - p.low_reservoir_ml, 0) AS left,
       greatest(p.volume_ml - p.low_reservoir_ml, 0) / nullif(r.daily_ml, 0)
           - date_part('epoch', now() - p.volume_observed_at) / 86400 AS "days by programme",
       greatest(p.volume_ml - p.low_reservoir_ml, 0) / nullif(r.most_daily_ml, 0)
           - date_part('epoch', now() - p.volume_observed_at) / 86400 AS "days at most use",
       to_char(p.refill_due, 'YYYY-MM-DD') AS "refill due", p.refill_due - current_date AS "days to refill",
       p.volume_basis AS "by", p.computed_ml AS computed, p.measured_ml AS measured, p.volume_observed_at AS "as of"
FROM dashboard.pumps p LEFT JOIN dashboard.programmes r USING (pump_id)
WHERE p.volume_ml IS NOT NULL AND p.clinic_id IN (${clinic:sqlstring})
ORDER BY p.volume_ml - p.low_reservoir_ml, p.pump_id
LIMIT 25;

-- name: clinic_demand
SELECT pump_id AS pump, attempts_24h AS requests, refused_24h AS refused, usual_per_day AS usual,
       attempts_24h / nullif(usual_per_day, 0) AS times
FROM dashboard.demand
WHERE attempts_24h > 0 AND clinic_id IN (${clinic:sqlstring})
ORDER BY attempts_24h - coalesce(usual_per_day, 0) DESC, pump_id
LIMIT 25;

-- name: clinic_silent
SELECT device_id AS device, kind, coalesce(pump_id, 'not paired') AS pump, last_heard_at AS "last heard",
       enrolled_at AS enrolled
FROM dashboard.devices
WHERE coalesce(last_heard_at, '-infinity') < now() - interval '72 hours' AND clinic_id IN (${clinic:sqlstring})
ORDER BY last_heard_at NULLS FIRST, device_id
LIMIT 50;

-- name: fleet_rejected_count
SELECT coalesce(sum(times_received), 0) AS messages FROM dashboard.dead_letters_since(now() - interval '24 hours')
WHERE (clinic_id IN (${clinic:sqlstring}) OR clinic_id IS NULL);

-- name: fleet_rejections_by_reason
SELECT $__timeGroupAlias(time,$__interval), reason AS metric, sum(times_received) AS messages
FROM dashboard.dead_letters_since($__timeFrom()::timestamptz)
WHERE $__timeFilter(time) AND (clinic_id IN (${clinic:sqlstring}) OR clinic_id IS NULL)
GROUP BY 1, 2
ORDER BY 1;

-- name: fleet_dead_letters
SELECT time, coalesce(device_id, 'no device') AS device, reason, times_received AS times, detail
FROM dashboard.dead_letters_since($__timeFrom()::timestamptz)
WHERE $__timeFilter(time) AND (clinic_id IN (${clinic:sqlstring}) OR clinic_id IS NULL)
ORDER BY time DESC
LIMIT 100;

-- name: fleet_gaps
SELECT device_id AS device, missing, gap_from AS "from", gap_to AS "to", observed_after AS "after",
       observed_before AS before
FROM dashboard.sequence_gaps
WHERE clinic_id IN (${clinic:sqlstring})
ORDER BY observed_before DESC
LIMIT 100;

-- name: fleet_clocks
SELECT device_id AS device, verdict, abs(clock_offset_seconds) AS "by", measured_at AS measured
FROM dashboard.device_clocks
WHERE verdict <> 'right' AND clinic_id IN (${clinic:sqlstring})
ORDER BY verdict, abs(clock_offset_seconds) DESC
LIMIT 100;

-- name: fleet_upkeep
SELECT DISTINCT
       CASE kind WHEN 'rollup' THEN 'daily sums, kept until' WHEN 'columns' THEN 'columns until' ELSE 'job, last begun' END AS what,
       name, done_until AS "until", overdue_since AS due
FROM dashboard.upkeep
WHERE clinic_id IN (${clinic:sqlstring})
ORDER BY what, name;

-- name: fleet_devices
SELECT count(*) AS devices FROM dashboard.devices WHERE clinic_id IN (${clinic:sqlstring});

-- name: fleet_heard
SELECT count(*) AS devices FROM dashboard.devices
WHERE last_heard_at > now() - interval '1 day' AND clinic_id IN (${clinic:sqlstring});

-- name: fleet_clocks_count
SELECT count(*) AS devices FROM dashboard.device_clocks WHERE verdict <> 'right' AND clinic_id IN (${clinic:sqlstring});

-- name: fleet_missing_count
SELECT coalesce(sum(missing), 0) AS events FROM dashboard.sequence_gaps WHERE clinic_id IN (${clinic:sqlstring});

-- name: fleet_overdue_count
SELECT count(*) AS parts FROM (SELECT DISTINCT kind, name FROM dashboard.upkeep
                               WHERE overdue_since IS NOT NULL AND clinic_id IN (${clinic:sqlstring})) overdue;

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
