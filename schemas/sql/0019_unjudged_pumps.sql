-- A pump that cannot be evaluated stays by itself: it is tried again, later each time, and the others do not wait for it.
ALTER TABLE pump_evaluations ADD COLUMN failures integer NOT NULL DEFAULT 0;
COMMENT ON COLUMN pump_evaluations.failures IS
    'How many evaluations in a row failed by an error of Pumpwatch; 0: the last one was in order.';
CREATE INDEX pump_evaluations_failing ON pump_evaluations (pump_id) WHERE failures > 0;
