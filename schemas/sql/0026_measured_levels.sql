-- A measured level holds against computed ones until the next refill, so it is looked up by itself (docs/domain.md section 1,
-- what follows). All editions. Measured readings are few among computed ones: the index is small, and writing a computed one
-- does not touch it. It is built under a lock that lets ingest wait; that takes a scan of the chunks that are not columns yet.

CREATE INDEX reservoir_readings_measured ON reservoir_readings (pump_id, observed_at DESC) WHERE basis = 'measured';
