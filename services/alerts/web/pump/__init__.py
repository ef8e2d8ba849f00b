"""A pump's page: the device, what was programmed, what is known of it, and its alerts."""
