"""Tells people: who, when, in which words, over which channel, and what came of it."""
