-- The clinic's dashboard: what is so now.

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
