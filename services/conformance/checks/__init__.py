"""PURE. What each requirement asks of the story of a run, by the sections of the guide."""
