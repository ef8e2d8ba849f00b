-- pumpwatch:editions community apache
-- From now on a chunk of the dense kinds holds four weeks. A column becomes small when it holds many rows of one pump,
-- and a pump writes 42 readings a week; fewer chunks are also less to plan for (docs/decisions/0009-storage.md). Chunks
-- that are there keep their length. A fleet of hundreds of thousands wants shorter ones: docs/scaling.md.

SELECT set_chunk_time_interval('reservoir_readings', interval '28 days');
SELECT set_chunk_time_interval('bolus_requests', interval '28 days');
SELECT set_chunk_time_interval('device_statuses', interval '28 days');
