-- Every query of the dashboards. They read the views and functions of the schema `dashboard` and nothing else, and use of
-- Grafana's macros only the few that tests/contract/grafana/macros.py knows. A view is read whole, whatever is asked of it
-- (docs/decisions/0032-no-plan-for-readers.md): of one pump, use the functions.

-- name: clinics
SELECT clinic_id AS __value, name AS __text FROM dashboard.clinics ORDER BY name;

-- name: pumps
SELECT pump_id FROM dashboard.devices WHERE kind = 'pump' ORDER BY pump_id;

-- name: fleet_pumps
SELECT count(*) AS pumps FROM dashboard.devices WHERE kind = 'pump' AND clinic_id IN (${clinic:sqlstring});

-- name: fleet_high_unacknowledged
SELECT count(*) AS alerts FROM dashboard.alerts_open()
WHERE state = 'active' AND priority = 'high' AND clinic_id IN (${clinic:sqlstring});

-- name: fleet_open
SELECT count(*) AS alerts FROM dashboard.alerts_open() WHERE clinic_id IN (${clinic:sqlstring});

-- name: fleet_at_alarm_level
SELECT count(*) AS pumps FROM dashboard.pumps
WHERE volume_ml <= low_reservoir_ml AND clinic_id IN (${clinic:sqlstring});

-- name: fleet_silent_count
SELECT count(*) AS devices FROM dashboard.devices
WHERE coalesce(last_heard_at, '-infinity') < now() - interval '72 hours' AND clinic_id IN (${clinic:sqlstring});

-- name: fleet_open_alerts
SELECT priority, title, pump_id AS pump, opened_at AS opened, since, state,
       coalesce(acknowledged_by, 'nobody') AS "acknowledged by", explanation
FROM dashboard.alerts_open()
WHERE clinic_id IN (${clinic:sqlstring})
ORDER BY priority_rank, opened_at DESC
LIMIT 200;

-- name: fleet_by_state
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

-- name: fleet_lowest_reservoirs
SELECT pump_id AS pump, volume_ml AS volume, low_reservoir_ml AS "alarm level",
       greatest(volume_ml - low_reservoir_ml, 0) AS left, to_char(refill_due, 'YYYY-MM-DD') AS "refill due",
       refill_due - current_date AS "days to refill", volume_basis AS "by", computed_ml AS computed,
       measured_ml AS measured, volume_observed_at AS "as of"
FROM dashboard.pumps
WHERE volume_ml IS NOT NULL AND clinic_id IN (${clinic:sqlstring})
ORDER BY volume_ml - low_reservoir_ml, pump_id
LIMIT 25;

-- name: fleet_demand
SELECT pump_id AS pump, attempts_24h AS requests, refused_24h AS refused, usual_per_day AS usual,
       attempts_24h / nullif(usual_per_day, 0) AS times
FROM dashboard.demand
WHERE attempts_24h > 0 AND clinic_id IN (${clinic:sqlstring})
ORDER BY attempts_24h - coalesce(usual_per_day, 0) DESC, pump_id
LIMIT 25;

-- name: fleet_silent
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

-- name: pump_now
SELECT volume_ml AS volume, volume_ml - low_reservoir_ml AS left, refill_due - current_date AS refill,
       last_heard_at AS heard, open_alerts AS alerts, unacknowledged_alerts AS unacknowledged
FROM dashboard.pumps_of(${pump:sqlstring});

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

-- name: pump_battery
SELECT $__timeGroupAlias(judged_at,$__interval), device_id AS metric, min(battery_percent) AS battery
FROM dashboard.statuses_of(${pump:sqlstring}, $__timeFrom()::timestamptz)
WHERE $__timeFilter(judged_at) AND battery_percent IS NOT NULL
GROUP BY 1, 2
ORDER BY 1;

-- name: pump_alerts
SELECT opened_at AS opened, priority, state, title, explanation,
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
