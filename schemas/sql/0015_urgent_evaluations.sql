-- Pumps whose alarm or patient has just spoken are evaluated before those that reported as usual: after an outage the
-- queue holds minutes of routine work, and a page must not wait behind it.
ALTER TABLE evaluation_queue ADD COLUMN urgent boolean NOT NULL DEFAULT false;
CREATE INDEX evaluation_queue_urgent ON evaluation_queue (queue_id) WHERE urgent;
