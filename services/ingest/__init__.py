"""Ingest: from the broker (or HTTP) to the database, acknowledged after the commit."""
