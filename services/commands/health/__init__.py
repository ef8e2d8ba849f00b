"""Is this installation well: the doctor, and the drill."""
