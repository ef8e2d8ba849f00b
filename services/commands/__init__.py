"""Groups of `pumpwatch` commands, one per module. They print; the functions that they call do the work."""
