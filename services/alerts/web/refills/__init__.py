"""The refill board: by when each patient should come, and the visits that the clinic books."""
