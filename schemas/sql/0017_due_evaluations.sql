-- When a pump must be looked at again though nothing is heard of it: the silence of a device is an alert from one moment
-- on, and a clinic whose network went down wants one page then, not many while a sweep goes round.
ALTER TABLE pump_evaluations ADD COLUMN due_at timestamptz;
CREATE INDEX pump_evaluations_due ON pump_evaluations (due_at);
COMMENT ON COLUMN pump_evaluations.due_at IS
    'May be earlier than needed, so that not every message moves it; null: only the sweep looks. By the workers'' clock.';
