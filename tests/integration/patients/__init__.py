"""One patient's data: its copy and its erasure."""
