"""Pages high alarms straight from the broker while the database is away."""
