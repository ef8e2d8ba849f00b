"""Secrets that a service reads from files: what is in one, and the settings that may be given by one."""
