"""PostgreSQL, TimescaleDB and Mosquitto on a developer's machine, and where their programs come from."""
