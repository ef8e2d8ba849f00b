"""A seeded fleet of simulated pumps and handhelds that publishes over real MQTT, with receipts and re-send.

Everything that decides what happens to a patient is pure (`model`, `pump`, `handheld`, `unit`, `scenarios`, `fleet`):
the same seed gives the same bytes. The rest (`link`, `outbox`, `publisher`, `enrol`, `app`) carries it to a broker.
"""
