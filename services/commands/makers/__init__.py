"""Commands for makers of devices."""
