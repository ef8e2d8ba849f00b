"""Signed links: one thing that one person may do without signing in, for a while."""
