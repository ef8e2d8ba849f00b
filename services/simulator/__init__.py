"""A seeded fleet of simulated pumps and handhelds that publishes over real MQTT, with receipts and re-send.

Everything that decides what happens to a patient is pure (`patients/`): the same seed gives the same bytes. `devices/`
carries it to a broker, `enrol` puts the fleet into the registry, and `app` runs it all.
"""
