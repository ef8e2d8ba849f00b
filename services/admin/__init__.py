"""What an operator does by hand, as functions that take a connection; `services/commands/` prints."""
