-- How many dead letters a device had on a day, and how many more were not kept: a device that sends faults without end must
-- not fill the disk. All editions.
CREATE TABLE dead_letter_days (
    day date NOT NULL,
    device_id text NOT NULL,
    kept bigint NOT NULL DEFAULT 0,
    kept_bytes bigint NOT NULL DEFAULT 0,
    not_kept bigint NOT NULL DEFAULT 0,
    not_kept_bytes bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (day, device_id)
);
COMMENT ON TABLE dead_letter_days IS
    'Dead letters of a device by the UTC day on which they came; not_kept: beyond its quota, with a receipt and without a row.';
COMMENT ON COLUMN dead_letter_days.device_id IS 'As its topic says, enrolled or not; empty: the topic names none.';
COMMENT ON COLUMN dead_letter_days.kept_bytes IS 'Of payload, topic and detail.';
