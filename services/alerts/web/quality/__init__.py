"""The pages of alert quality and of the yearly review."""
