"""What a simulated device does with its link: an outbox, receipts and re-sending."""
