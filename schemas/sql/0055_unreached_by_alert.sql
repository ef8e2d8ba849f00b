-- Who was not reached is looked up alert by alert. Before, all pages ever sent were read at each look of the worker and at each board.
CREATE OR REPLACE VIEW unreached_alerts AS
SELECT a.clinic_id, count(*) AS alerts
FROM alerts a,
     LATERAL (SELECT count(*) AS pages,
                     bool_or(NOT d.follow_up
                             AND (d.state = 'sent' OR (d.state IN ('due', 'sending', 'grouped') AND d.last_error IS NULL))) AS reached
              FROM deliveries d WHERE d.alert_id = a.alert_id) of_alert
WHERE a.state = 'active'
  AND of_alert.reached IS NOT TRUE
  AND (a.priority IN ('high', 'medium') OR of_alert.pages > 0)
GROUP BY a.clinic_id;
