"""The drill: an alarm of a device that exists for it alone goes from the broker to a page, each day."""
