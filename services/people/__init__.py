"""Persons: who they are, what they may do in which clinic, whose turn it is, and how they are reached."""
