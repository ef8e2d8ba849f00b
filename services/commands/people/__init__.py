"""Commands about persons: who may sign in, and who is on call."""
