"""What is recorded of one patient: a copy of it, and its erasure."""
