-- What an alert worker says of itself, for those who look at the board: that is a process of its own, and what the
-- worker's files and its environment lack is known to the worker alone.
CREATE TABLE worker_states (
    worker_id text PRIMARY KEY,
    at timestamptz NOT NULL,
    warnings json NOT NULL
);
COMMENT ON TABLE worker_states IS 'What each alert worker says that people should know; current while it is heard of.';
COMMENT ON COLUMN worker_states.warnings IS 'A list of {clinic_id, words}; clinic_id null: it concerns every clinic.';
