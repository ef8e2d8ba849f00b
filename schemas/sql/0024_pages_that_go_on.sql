-- A page goes on until a person answers (docs/decisions/0014-a-page-goes-on.md). All editions.

ALTER TABLE deliveries
    ADD COLUMN repeats        boolean NOT NULL DEFAULT false,
    ADD COLUMN policy_version text;
COMMENT ON COLUMN deliveries.repeats IS
    'True: an earlier page of the episode was not answered, or reached nobody; its step counts on beyond the route.';
COMMENT ON COLUMN deliveries.policy_version IS 'The policy by which it was planned; null: before this was recorded, or past the database.';
