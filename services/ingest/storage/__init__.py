"""What ingest writes to the database and reads from it."""
