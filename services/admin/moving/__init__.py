"""A database is copied into another one, of whichever edition."""
