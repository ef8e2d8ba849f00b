-- Devices and data.

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
