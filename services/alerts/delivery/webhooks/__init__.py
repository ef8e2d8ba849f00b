"""Pages as signed CloudEvents, for programs that take more than words (decision 56)."""
