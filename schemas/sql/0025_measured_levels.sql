-- A measured level holds against computed ones until the next refill, so it is looked up by itself (docs/domain.md section 1,
-- what follows). All editions. Measured readings are few among computed ones: the index is small, and writing a computed one
-- does not touch it. It is built under a lock that lets ingest wait; that takes a scan of the chunks that are not columns yet.

CREATE INDEX reservoir_readings_measured ON reservoir_readings (pump_id, observed_at DESC) WHERE basis = 'measured';

-- What a profile gives in a day, in mL, as services.alerts.facts.from_rows has it: each step holds until the next.
CREATE FUNCTION programmed_ml_per_day(profile jsonb) RETURNS double precision LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (
    SELECT coalesce(sum(rate * (coalesce(next, first + 1440) - start) / 1440), 0)
    FROM (SELECT rate, start, lead(start) OVER (ORDER BY start) AS next, min(start) OVER () AS first
          FROM (SELECT (step ->> 'rate_ml_per_day')::double precision AS rate,
                       60 * split_part(step ->> 'from', ':', 1)::integer + split_part(step ->> 'from', ':', 2)::integer AS start
                FROM jsonb_array_elements(profile) AS step) steps) parts);
COMMENT ON FUNCTION programmed_ml_per_day(jsonb) IS 'mL that a programmed profile gives in a day.';
GRANT EXECUTE ON FUNCTION programmed_ml_per_day(jsonb) TO pumpwatch_reader;
