-- pumpwatch:editions community apache
-- From now on a chunk of the dense kinds holds four weeks. A column needs many rows of one pump to become small, and a
-- pump writes 42 readings a week: with weekly chunks an event took 77 bytes after conversion (docs/decisions/0009-storage.md).
-- Chunks that are there keep their length.

SELECT set_chunk_time_interval('reservoir_readings', interval '28 days');
SELECT set_chunk_time_interval('bolus_requests', interval '28 days');
SELECT set_chunk_time_interval('device_statuses', interval '28 days');
