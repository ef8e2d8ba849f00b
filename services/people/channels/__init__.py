"""A person's own channels: verified by a code, tried by a drill each week, and what came of what was sent."""
