"""The refill board on a real database."""
