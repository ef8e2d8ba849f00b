"""A device's side of MQTT: one connection, an outbox, receipts and re-sending."""
