"""The refill board, and the dates that it shows."""
