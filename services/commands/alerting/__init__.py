"""Alerts on the command line: which there are, one with everything that is said of it, and taking it as a person."""
