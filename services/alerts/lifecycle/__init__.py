"""What becomes of an alert: by what holds of its pump, and by what people do."""
