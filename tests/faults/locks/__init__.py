"""Somebody holds a lock on a part of a table for long."""
