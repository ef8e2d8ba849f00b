"""A device's side of MQTT 5: one open connection, QoS 1 and receipts."""
