-- What the demo asks the database.

-- name: counts
SELECT (SELECT count(*) FROM reservoir_readings) + (SELECT count(*) FROM bolus_requests)
       + (SELECT count(*) FROM pump_alarms) + (SELECT count(*) FROM therapies) + (SELECT count(*) FROM refills)
       + (SELECT count(*) FROM device_statuses) + (SELECT count(*) FROM patient_reports) AS events,
       (SELECT count(*) FROM dead_letters) AS rejected,
       (SELECT count(*) FROM alerts WHERE state <> 'closed') AS open_alerts;
